"""What a server's answers, as values, add to an explanation; no server runs here."""

import msgspec
import pytest

from isthmus.cli.nsc.folders import FolderFlags
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.world import read_world
from isthmus.sharing.explain import explain
from isthmus.sharing.told import (
    AccountState,
    ConsumerState,
    ImportState,
    JetStreamState,
    StreamState,
    Told,
)
from isthmus.sharing.world import Question
from sharing.test_explain import C, S, share
from support.nsc import Nsc, guide

CONSUMER = ConsumerState(name=C, ack_policy="explicit", ack_pending_max=1000)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    nsc = Nsc(tmp_path_factory.mktemp("store"))
    guide(nsc)
    share(nsc)
    return read_world(Store(nsc.surroundings(), FolderFlags()))


def key(world, name):
    return next(key for key, known in world.names.items() if known == name)


def told(world, *, consumer=CONSUMER, stream=None, **changes):
    """A server on which all is well."""
    giver, taker = key(world, "ACCTC"), key(world, "ACCTB")
    stream = stream or StreamState(name=S, subjects=("retail.>",), consumers=(consumer,))
    imports = tuple(
        ImportState(
            kind=item.kind, account=item.account, remote=item.remote, local=item.local, active=True
        )
        for item in world.spec(taker).imports
    )
    good = Told(
        url="nats://x",
        tokens=dict(world.tokens),
        accounts={giver: AccountState(), taker: AccountState(imports=imports)},
        jetstream={giver: JetStreamState(streams=(stream,))},
    )
    return msgspec.structs.replace(good, **changes)


def ask(world, answers):
    question = Question(account=key(world, "ACCTC"), share=(S, C), other=key(world, "ACCTB"))
    return explain(question, msgspec.structs.replace(world, told=answers))


def codes(explanation):
    return [finding.code for finding in explanation.findings]


def changed(consumer, **changes):
    return msgspec.structs.replace(consumer, **changes)


def test_a_server_on_which_all_is_well_leaves_nothing_unknown(store):
    explanation = ask(store, told(store))
    assert explanation.ok
    assert {hop.state for hop in explanation.hops} == {"ok"}
    assert {"pushed", "stream", "consumer", "acknowledged"} <= {h.name for h in explanation.hops}


def test_a_server_that_cannot_be_asked_is_the_finding_and_the_rest_is_unknown(store):
    explanation = ask(store, Told(url="nats://x", problem="refused"))
    assert codes(explanation) == ["server_unreachable"]
    states = {hop.name: hop.state for hop in explanation.hops}
    assert states["consumer"] == "unknown"


def test_what_the_server_did_not_answer_is_unknown_and_no_finding(store):
    explanation = ask(store, Told(url="nats://x"))
    assert explanation.ok
    states = {hop.name: hop.state for hop in explanation.hops}
    assert states["pushed"] == states["stream"] == states["consumer"] == "unknown"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"deliver_subject": "d"}, "consumer_push"),
        ({"filters": ("other.>",)}, "filter_mismatch"),
        ({"paused_until": "2099-01-01T00:00:00Z"}, "consumer_paused"),
        ({"ack_pending": 1000, "ack_floor": 1}, "max_ack_pending"),
        ({"ack_pending": 3, "redelivered": 2, "delivered": 5}, "not_acknowledged"),
    ],
)
def test_a_consumer_that_does_not_fit(store, changes, code):
    explanation = ask(store, told(store, consumer=changed(CONSUMER, **changes)))
    assert codes(explanation) == [code]
    assert C in explanation.findings[0].cause


@pytest.mark.parametrize(
    "changes",
    [
        {"ack_pending": 3, "delivered": 3},  # on their way
        {"ack_pending": 3, "redelivered": 2, "delivered": 9, "ack_floor": 4},  # slow, not dead
        {"filters": ("retail.*.x", "other")},
    ],
)
def test_a_consumer_at_work_is_left_alone(store, changes):
    assert ask(store, told(store, consumer=changed(CONSUMER, **changes))).ok


def test_without_the_stream_nothing_is_said_of_its_consumer(store):
    gone = told(store, jetstream={key(store, "ACCTC"): JetStreamState()})
    explanation = ask(store, gone)
    assert codes(explanation) == ["stream_missing"]
    assert {"consumer": "unknown"}.items() <= {h.name: h.state for h in explanation.hops}.items()


def test_a_stream_without_the_consumer(store):
    stream = StreamState(name=S, subjects=("retail.>",))
    explanation = ask(store, told(store, stream=stream))
    assert codes(explanation) == ["consumer_missing"]
    assert explanation.findings[0].fix == (
        f"nats consumer add {S} {C} --ack explicit --defaults --pull",
    )


@pytest.mark.parametrize(("there", "code"), [("", "not_pushed"), ("another", "stale")])
def test_an_account_that_is_not_there_as_it_stands(store, there, code):
    tokens = store.tokens | {key(store, "ACCTB"): there}
    explanation = ask(store, told(store, tokens=tokens))
    assert codes(explanation) == [code]
    assert explanation.findings[0].fix == ("nsc push --account ACCTB",)


def test_a_server_that_lacks_the_giver_is_not_asked_for_its_streams(store):
    giver = key(store, "ACCTC")
    answers = told(store, tokens=store.tokens | {giver: ""}, jetstream={giver: None})
    assert codes(ask(store, answers)) == ["not_pushed"]


def test_an_import_the_server_refuses_carries_its_reason(store):
    taker = key(store, "ACCTB")
    answers = told(store)
    first, *others = answers.accounts[taker].imports
    refused = msgspec.structs.replace(first, active=False, reason="because of the moon")
    state = AccountState(imports=(refused, *others))
    explanation = ask(store, told(store, accounts=answers.accounts | {taker: state}))
    assert codes(explanation) == ["import_inactive"]
    assert "because of the moon" in explanation.findings[0].cause


def test_connections_at_their_limit(store):
    taker = key(store, "ACCTB")
    claims = store.accounts[taker]
    limits = msgspec.structs.replace(claims.nats.limits, connections=2)
    body = msgspec.structs.replace(claims.nats, limits=limits)
    limited = msgspec.structs.replace(
        store, accounts=store.accounts | {taker: msgspec.structs.replace(claims, nats=body)}
    )
    imports = told(store).accounts[taker].imports
    for connections, expected in ((1, []), (2, ["connection_limit"])):
        state = AccountState(connections=connections, imports=imports)
        answers = told(store, accounts=told(store).accounts | {taker: state})
        assert codes(ask(limited, answers)) == expected


def test_a_full_store_is_a_limit_of_the_giver(store):
    giver = key(store, "ACCTC")
    claims = store.accounts[giver]
    limits = msgspec.structs.replace(claims.nats.limits, disk_bytes=100)
    body = msgspec.structs.replace(claims.nats, limits=limits)
    limited = msgspec.structs.replace(
        store, accounts=store.accounts | {giver: msgspec.structs.replace(claims, nats=body)}
    )
    full = told(store).jetstream[giver]
    for used, expected in ((99, []), (100, ["jetstream_limit"])):
        state = msgspec.structs.replace(full, storage=used)
        assert codes(ask(limited, told(store, jetstream={giver: state}))) == expected


def test_no_acknowledgements_are_wanted_where_the_consumer_wants_none(store):
    taker = key(store, "ACCTB")
    claims = store.accounts[taker]
    kept = tuple(item for item in claims.nats.imports if not item.subject.startswith("$JS.ACK"))
    body = msgspec.structs.replace(claims.nats, imports=kept)
    without = msgspec.structs.replace(
        store,
        accounts=store.accounts | {taker: msgspec.structs.replace(claims, nats=body)},
        seen={},
    )
    quiet = changed(CONSUMER, ack_policy="none")
    assert ask(without, told(without, consumer=quiet)).ok
    assert codes(ask(without, told(without)))[:1] == ["ack_import_missing"]
