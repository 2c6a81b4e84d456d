"""Each kind of live change, for each kind of client: one table, on both servers.

A row says what the four clients of `support.live` see once the change is in force; before it, all
is well for everybody. What this server guarantees beside the protocol is asked of it alone: for
some clients of a row (`ours`), for two rows as a whole (`OURS`). The reasons stand beside them.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from isthmus.identity.claims import UNLIMITED_ACCOUNT
from isthmus.identity.nkeys import Kind
from support.live import ROLES, Live, Seen
from support.operator_mode import OPERATOR_SIGNING, account_token, config
from support.servers import ServerProcess
from support.tokens import key
from support.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.oracle]

REVOKED = "-ERR 'User Authentication Revoked'"
TOO_MANY = "-ERR 'maximum account active connections exceeded'"
TOO_MANY_SUBSCRIPTIONS = "-ERR 'maximum subscriptions exceeded'"
TOO_LONG = "-ERR 'Maximum Payload Violation'"
EXPIRED = "-ERR 'Account Authentication Expired'"
REFUSED = "-ERR 'Authorization Violation'"
STRANGER = key(Kind.OPERATOR, "stranger")
BOTH, OURS = ("isthmus", "real"), ("isthmus",)
# Guarantees of this server: a change that leaves a grant as it is does not end a pull under way,
UNTOUCHED = frozenset({"pull"})
# and one that takes it away ends what came through it, in both directions, at that moment.
AT_ONCE = frozenset({"pull", "push"})
ENDED = frozenset({"pull"})
# With an account ends what it exports: who asks is told that nobody is there.
TOLD = frozenset({"new"})

ALL_WELL = {"idle": "stays", "pull": "gets", "push": "gets", "new": "works"}
CUT_OFF = ALL_WELL | {"pull": "nothing", "push": "nothing", "new": "nobody there"}
BACK = ALL_WELL | {"pull": "nothing"}  # a pull that was cut off is over: pull again
ALL_GONE = dict.fromkeys(ROLES, EXPIRED) | {"new": REFUSED}


class Row(NamedTuple):
    """`changes` are made one after the other; the last has effect `after`.

    The real server is not asked about the clients in `ours`, nor about rows of other `kinds`.
    """

    changes: tuple[Callable[[Live], None], ...]
    after: Seen
    before: Callable[[Live], None] | None = None
    kinds: tuple[str, ...] = BOTH
    ours: frozenset[str] = frozenset()


# --- changes ---


def limits(**values: object) -> Callable[[Live], None]:
    def change(live: Live) -> None:
        live.fields_b["limits"] = replace(UNLIMITED_ACCOUNT, **values)
        live.push_b()

    return change


def exports_removed(live: Live) -> None:
    live.kept_exports, live.exports = live.exports, {}
    live.push_c()


def exports_added(live: Live) -> None:
    live.exports = live.kept_exports
    live.push_c()


def exports_edited(**changes: object) -> Callable[[Live], None]:
    def change(live: Live) -> None:
        live.edit_exports(**changes)
        live.push_c()

    return change


def pull_export_edited(**changes: object) -> Callable[[Live], None]:
    def change(live: Live) -> None:
        live.exports["pull"] = replace(live.exports["pull"], **changes)
        live.push_c()

    return change


def imports_removed(live: Live) -> None:
    live.kept_imports, live.imports = live.imports, {}
    live.push_b()


def imports_added(live: Live) -> None:
    live.imports = live.kept_imports
    live.push_b()


def imports_renamed(live: Live) -> None:
    live.imports = {name: live.grant(name, prefix="other.") for name in live.imports}
    live.push_b()


def imports_without_tokens(live: Live) -> None:
    live.imports = {name: replace(one, token="") for name, one in live.imports.items()}
    live.push_b()


def activations_revoked(who: str = "") -> Callable[[Live], None]:
    def change(live: Live) -> None:
        live.edit_exports(revocations={who or live.b.public_key: live.now_s + 1})
        live.push_c()

    return change


def activations_expire(live: Live) -> None:
    ends_s = int(time.time()) + 2
    live.imports = {name: live.grant(name, expires_s=ends_s) for name in live.imports}
    live.push_b()


def users_revoked(*roles: str) -> Callable[[Live], None]:
    def change(live: Live) -> None:
        keys = [live.users[role].public_key for role in roles] or ["*"]
        live.fields_b["revocations"] = dict.fromkeys(keys, live.now_s + 1)
        live.push_b()

    return change


def revocations_dropped(live: Live) -> None:
    live.fields_b["revocations"] = {}
    live.push_b()


def pull_user_by_signing_key(live: Live) -> None:
    live.fields_b["signing_keys"] = (live.signing_b.public_key,)
    live.user_signers["pull"] = live.signing_b


def user_signing_key_removed(live: Live) -> None:
    live.fields_b["signing_keys"] = ()
    live.push_b()


def activations_by_signing_key(live: Live) -> None:
    live.fields_c["signing_keys"] = (live.signing_c.public_key,)
    live.imports = {name: live.grant(name, signer=live.signing_c) for name in live.imports}


def exporter_signing_key_removed(live: Live) -> None:
    live.fields_c["signing_keys"] = ()
    live.push_c()


def importer_expires(live: Live) -> None:
    live.fields_b["exp"] = int(time.time()) + 2
    live.push_b()
    for role in live.roles.values():  # who speaks at that moment may miss why he is cut off
        wait_for(role.gone)


def exporter_expires(live: Live) -> None:
    live.fields_c["exp"] = int(time.time()) + 2
    live.push_c()
    wait_for(live.publisher.gone)


def signed_by_operator_signing_key(live: Live) -> None:
    live.signer = OPERATOR_SIGNING
    live.push()


def pushed_by_strangers(live: Live) -> None:
    """Their tokens would take everything away; each is refused with the reason."""
    for signer in (live.b, STRANGER):
        token = account_token(live.b, signer=signer, now_ns=time.time_ns())
        [answer] = live.system.request("$SYS.REQ.CLAIMS.UPDATE", token.encode())
        assert b'"code":500' in answer.payload, answer.payload
        assert b"is no operator key trusted here" in answer.payload, answer.payload


TABLE = {
    "connections lowered": Row(
        (limits(connections=1),),
        ALL_WELL | {"pull": TOO_MANY, "push": TOO_MANY, "new": TOO_MANY},
    ),
    "connections raised": Row((limits(connections=3), limits(connections=4)), ALL_WELL),
    "subscriptions lowered": Row((limits(subs=2),), ALL_WELL | {"push": TOO_MANY_SUBSCRIPTIONS}),
    "subscriptions raised": Row((limits(subs=5), limits(subs=20)), ALL_WELL),
    "payload lowered": Row((limits(payload=8),), ALL_WELL | {"idle": TOO_LONG}),
    "payload raised": Row((limits(payload=200), limits(payload=2000)), ALL_WELL),
    "exports removed": Row((exports_removed,), CUT_OFF),
    "exports added": Row((exports_removed, exports_added), BACK),
    "exports made public": Row(
        (exports_edited(token_required=False), imports_without_tokens), ALL_WELL, ours=UNTOUCHED
    ),
    "exports made private": Row(
        (
            exports_edited(token_required=False),
            imports_without_tokens,
            exports_edited(token_required=True),
        ),
        CUT_OFF,
    ),
    "response type edited": Row(  # the pull gets one more answer, and no second one
        (pull_export_edited(response_type="Singleton"),),
        ALL_WELL | {"pull": "nothing"},
    ),
    "response threshold edited": Row(
        (pull_export_edited(threshold_ns=100 * 10**9),), ALL_WELL, ours=UNTOUCHED
    ),
    "imports removed": Row((imports_removed,), CUT_OFF, ours=AT_ONCE),
    "imports added": Row((imports_removed, imports_added), BACK, ours=ENDED),
    "imports renamed": Row((imports_renamed,), CUT_OFF, ours=AT_ONCE),
    "activations revoked": Row((activations_revoked(),), CUT_OFF),
    "activations revoked for all": Row((activations_revoked("*"),), CUT_OFF),
    "activations restored": Row((activations_revoked(), exports_edited(revocations={})), BACK),
    # OURS: a grant ends with its activation under whatever local subject (differences.md)
    "activations expire": Row((activations_expire,), CUT_OFF, kinds=OURS),
    "user revoked": Row((users_revoked("pull"),), ALL_WELL | {"pull": REVOKED}),
    "users revoked": Row((users_revoked(),), dict.fromkeys(ROLES, REVOKED) | {"new": REFUSED}),
    "users restored": Row(
        (users_revoked("pull", "new"), revocations_dropped), ALL_WELL | {"pull": REVOKED}
    ),
    "signing key of a user removed": Row(
        (user_signing_key_removed,), ALL_WELL | {"pull": "closed"}, pull_user_by_signing_key
    ),
    "signing key of activations removed": Row(
        (exporter_signing_key_removed,), CUT_OFF, activations_by_signing_key
    ),
    "importer expires": Row((importer_expires,), ALL_GONE),
    "exporter expires": Row((exporter_expires,), CUT_OFF, ours=TOLD),
    "operator's signing key": Row((signed_by_operator_signing_key,), ALL_WELL, ours=UNTOUCHED),
    # OURS: such a push is refused, and what is stored stays (differences.md)
    "foreign and self-signed": Row((pushed_by_strangers,), ALL_WELL, kinds=OURS),
}


@pytest.fixture(scope="module")
def server(request, tmp_path_factory) -> Iterator[ServerProcess]:
    """One server that takes pushes and stores."""
    folder = tmp_path_factory.mktemp("changes")
    resolver = f'{{ type: full, dir: "{folder}/jwt" }}'
    server = ServerProcess(
        request.param,
        folder / "run",
        "-js",
        "-sd",
        f"{folder}/store",
        config=config({}, resolver=resolver),
    )
    yield server.start()
    server.stop()


@pytest.mark.parametrize(
    ("server", "name"),
    [(kind, name) for kind in BOTH for name, row in TABLE.items() if kind in row.kinds],
    indirect=["server"],
    scope="module",
)
def test_a_change_meets_everybody(server, name):
    row = TABLE[name]
    asked = set(row.after) if server.kind == "isthmus" else row.after.keys() - row.ours
    after = {role: row.after[role] for role in row.after if role in asked}
    live = Live(server.port, name, patience_s=0.3 if server.kind == "real" else 0)
    if row.before is not None:
        row.before(live)
    live.begin()
    try:
        wait_for(lambda: live.seen() == ALL_WELL)
        for change in row.changes:
            change(live)
        seen: list[Seen] = []

        def in_force() -> bool:
            seen.append({role: what for role, what in live.seen().items() if role in asked})
            return seen[-1] == after

        wait_for(in_force)
        assert in_force()  # and stays so
    except AssertionError as error:
        raise AssertionError(f"{seen[-3:]} instead of {after}") from error
    finally:
        live.close()
