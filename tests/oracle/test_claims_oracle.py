"""Every step of every scenario, by bare sockets, in the order of the table."""

import pytest

from isthmus.identity.claims import NO_LIMIT, User
from isthmus.identity.nkeys import Kind
from support.claims_requests import (
    NOW_NS,
    SCENARIOS,
    STRICT_SIGNING,
    A,
    readable,
)
from support.operator_mode import (
    SYSTEM,
    SYSTEM_USER,
    SYSTEM_USER_TOKEN,
    SignedClient,
    config,
    user_token,
)
from support.tokens import key

pytestmark = [pytest.mark.real, pytest.mark.oracle]

USER = key(Kind.USER, "user")
STRICT_BODY = User(subs=NO_LIMIT, data=NO_LIMIT, payload=NO_LIMIT, issuer_account=SYSTEM.public_key)
STRICT_USER_TOKEN = user_token(SYSTEM_USER, STRICT_SIGNING, STRICT_BODY)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_step_is_answered_by_a_server(kind, name, start_server, tmp_path):
    scenario = SCENARIOS[name]
    resolver = scenario.resolver.format(folder=tmp_path / "jwt")
    text = config(dict(scenario.preload), resolver=resolver, operator=scenario.operator)
    server = start_server(kind, config=text)
    token = STRICT_USER_TOKEN if name == "strict" else SYSTEM_USER_TOKEN
    in_use = []
    if name == "memory":  # an account is in use when somebody has connected
        in_use.append(SignedClient(server.port, user_token(USER, A, now_ns=NOW_NS), USER))
    with SignedClient(server.port, token, SYSTEM_USER) as client:
        assert client.error == ""
        for step in scenario.steps:
            payload = step.payload.encode() if isinstance(step.payload, str) else step.payload
            replies = client.request(step.subject, payload, count=len(step.answers))
            assert tuple(readable(reply.payload) for reply in replies) == step.answers, step.name
    for client in in_use:
        with client:
            assert client.error == ""
