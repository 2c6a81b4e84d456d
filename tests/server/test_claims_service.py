import pytest

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.trust import Trust
from isthmus.server.claims_answers import Answer, Asked, Change
from isthmus.server.claims_service import ClaimsService
from isthmus.server.resolvers import DirectoryResolver, MemoryResolver
from support import claims_requests as requests
from support.claims_requests import SCENARIOS, UPDATE, A, B, of, readable
from support.operator_mode import OPERATOR, SYSTEM, SYSTEM_TOKEN, account_token

NOW_NS = requests.NOW_NS
SERVER = b'{"name":"s","seq":1}'


def answer(service, subject, payload=b"", now_ns=NOW_NS):
    [answer] = service.answer_all([Asked(subject, payload, now_ns, SERVER)])
    if isinstance(answer, Exception):
        raise answer
    return answer


class Setting:
    """A service over a directory or over memory; `loaded` are the accounts in use."""

    def __init__(self, scenario, folder):
        self.loaded = {A.public_key}
        operator = jwt.decode_operator(scenario.operator)
        tokens = {SYSTEM.public_key: SYSTEM_TOKEN} | dict(scenario.preload)
        self.directory = None
        if scenario.resolver == "MEMORY":
            resolver = MemoryResolver(tokens)
        else:
            limit = 2 if "limit: 2" in scenario.resolver else -1
            hard = "hard_delete: true" in scenario.resolver
            resolver = DirectoryResolver(folder, limit=limit, hard_delete=hard)
            self.directory = resolver
            for name, token in tokens.items():
                resolver.save_if_newer(name, token)
        self.service = ClaimsService(
            resolver,
            Trust.from_operators([operator]),
            system_account=SYSTEM.public_key,
            operator_keys=[operator.subject],
            allow_delete="allow_delete: true" in scenario.resolver,
            loaded=self.loaded.__contains__,
        )

    def ask(self, subject, payload=b"", now_ns=NOW_NS):
        payload = payload.encode() if isinstance(payload, str) else payload
        return answer(self.service, subject, payload, now_ns)

    def replies(self, subject, payload=b""):
        return tuple(readable(reply) for reply in self.ask(subject, payload).replies)


@pytest.fixture
def setting(tmp_path):
    made = []

    def make(name="directory", folder="jwt"):
        made.append(Setting(SCENARIOS[name], tmp_path / folder))
        return made[-1]

    yield make
    for each in made:
        if each.directory is not None:
            each.directory.close()


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_step_of_a_scenario_is_answered_as_the_original_does(setting, name):
    service = setting(name)
    for step in SCENARIOS[name].steps:
        assert service.replies(step.subject, step.payload) == step.answers, step.name


def test_every_envelope_carries_this_server(setting):
    reply = next(iter(setting().ask(UPDATE, requests.TOKEN).replies))
    assert reply.startswith(b'{"server":{"name":"s","seq":1},"data":{"account":"A')


# -- what changes ----------------------------------------------------------------------------------


def test_an_accepted_token_is_a_change(setting):
    service = setting()
    assert service.ask(UPDATE, requests.TOKEN + "\n").changes == (
        Change(A.public_key, requests.TOKEN),
    )
    assert service.directory.load(A.public_key) == requests.TOKEN


@pytest.mark.parametrize("payload", ["", "x", requests.BAD_SUBJECT, requests.USER_TOKEN])
def test_a_refused_token_changes_nothing(setting, payload):
    service = setting()
    before = service.directory.pack_hash()
    assert service.ask(UPDATE, payload).changes == ()
    assert service.directory.pack_hash() == before


def test_a_deletion_is_a_change_for_each_account(setting):
    service = setting()
    service.ask(UPDATE, requests.TOKEN)
    answer = service.ask(requests.DELETE, requests.deletion(requests.names(A, B)))
    assert answer.changes == (Change(A.public_key, ""), Change(B.public_key, ""))


def test_in_memory_only_an_account_in_use_changes_and_nothing_is_kept(setting):
    service = setting("memory")
    assert service.ask(of(A, "UPDATE"), requests.NEWER).changes == (
        Change(A.public_key, requests.NEWER),
    )
    assert service.ask(of(B, "UPDATE"), requests.TOKEN_B).changes == ()


# -- whom we do not trust --------------------------------------------------------------------------

STRANGERS = {
    "a foreign operator": requests.FOREIGN,
    "the account itself": A,
    "another account": B,
}


@pytest.mark.parametrize("who", STRANGERS)
def test_a_token_signed_by_nobody_we_trust_never_replaces_a_good_one(setting, who):
    service = setting()
    service.ask(UPDATE, requests.TOKEN)
    stranger = STRANGERS[who]
    token = account_token(A, signer=stranger, now_ns=NOW_NS + NS_PER_S)
    for subject in (UPDATE, of(A, "UPDATE"), requests.old_name(A)):
        answer = service.ask(subject, token)
        assert answer.changes == ()
        assert [readable(reply) for reply in answer.replies] == list(
            requests.refused(
                A,
                "jwt update resulted in error - account validation failed: issuer"
                f" {stranger.public_key} is no operator key trusted here",
            )
        )
    assert service.directory.load(A.public_key) == requests.TOKEN


@pytest.mark.parametrize("who", STRANGERS)
def test_nor_does_it_change_an_account_in_memory(setting, who):
    token = account_token(A, signer=STRANGERS[who], now_ns=NOW_NS)
    answer = setting("memory").ask(of(A, "UPDATE"), token)
    assert answer.changes == ()
    assert b"account validation failed: issuer" in next(iter(answer.replies))


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (account_token(A, exp=5, now_ns=NOW_NS), "claim is expired"),
        (account_token(A, exp=NOW_NS // NS_PER_S, now_ns=NOW_NS), "claim is expired"),
        (account_token(A, exports=(requests.service("foo bar"),)), requests.NOT_A_SUBJECT),
    ],
)
def test_in_memory_the_reason_is_named(setting, token, why):
    answer = setting("memory").ask(of(A, "UPDATE"), token)
    expected = f"jwt update resulted in error - account validation failed: {why}"
    assert [readable(reply) for reply in answer.replies] == list(requests.refused(A, expected))


# -- the rest --------------------------------------------------------------------------------------


def test_a_lookup_of_what_is_no_account_is_not_answered(setting):
    for name in ("foo", "..", "U" * 56):
        assert (
            setting(folder=name + "x").ask(f"$SYS.REQ.ACCOUNT.{name}.CLAIMS.LOOKUP").replies == ()
        )


def test_a_pack_of_what_is_known_is_empty(setting):
    service = setting()
    service.ask(UPDATE, requests.TOKEN)
    assert service.replies(requests.PACK, service.directory.pack_hash()) == ("",)
    assert len(service.replies(requests.PACK, bytes(32))) == 3


def test_a_pack_is_read_as_it_is_sent(setting):
    service = setting()
    service.ask(UPDATE, requests.TOKEN)
    replies = iter(service.ask(requests.PACK).replies)
    first = next(replies)
    service.ask(UPDATE, requests.NEWER)
    rest = list(replies)
    assert first.decode() == f"{SYSTEM.public_key}|{SYSTEM_TOKEN}"
    assert rest == [f"{A.public_key}|{requests.NEWER}".encode(), b""]


class BrokenDirectory(DirectoryResolver):
    """A directory on a disk that is full."""

    broken = False

    def save_all(self, tokens):
        if not self.broken:
            return super().save_all(tokens)
        return [OSError(28, "No space left on device") for _ in tokens]

    def delete(self, key):
        if self.broken:
            raise OSError(30, "Read-only file system")
        return super().delete(key)


def test_a_disk_that_fails_is_told(tmp_path):
    resolver = BrokenDirectory(tmp_path / "jwt")
    service = ClaimsService(
        resolver,
        Trust(keys=frozenset({OPERATOR.public_key}), strict_keys=frozenset()),
        system_account=SYSTEM.public_key,
        allow_delete=True,
    )
    resolver.broken = True
    pushed = answer(service, UPDATE, requests.TOKEN.encode())
    assert pushed.changes == ()
    assert b"cannot write to the jwt store: No space left on device" in next(iter(pushed.replies))
    request = requests.deletion(requests.names(A, B)).encode()
    asked = answer(service, requests.DELETE, request)
    assert asked.changes == ()
    assert b"deleted 0 accounts, failed for 2 - " in next(iter(asked.replies))
    resolver.close()


def test_of_what_comes_together_each_is_answered_as_if_it_came_alone(setting):
    service = setting()
    lookup, delete = of(A, "LOOKUP"), requests.deletion(requests.names(B))
    together = [
        (UPDATE, requests.TOKEN),
        (UPDATE, "no token"),
        (UPDATE, requests.TOKEN_B),
        (UPDATE, requests.NEWER),
        (lookup, ""),
        (UPDATE, requests.OLDER),
        (requests.DELETE, delete),
        (lookup, ""),
        (requests.LIST, ""),
        (UPDATE, requests.TOKEN_B),
        (requests.PACK, ""),
    ]
    asked = [Asked(subject, text.encode(), NOW_NS, SERVER) for subject, text in together]
    answers = [
        tuple(readable(reply) for reply in answer.replies)
        for answer in service.service.answer_all(asked)
    ]
    alone = setting(folder="alone")
    assert answers == [alone.replies(subject, text) for subject, text in together]
    assert answers[4] == (requests.NEWER,)
    assert answers[7] == (requests.OLDER,)


def test_a_push_that_goes_wrong_concerns_no_other(setting, monkeypatch):
    service = setting()
    checked = service.service._check  # nothing that can be pushed makes it fail

    def check(asked):
        if asked.payload == b"bad":
            raise ValueError("a bug")
        return checked(asked)

    monkeypatch.setattr(service.service, "_check", check)
    payloads = [requests.TOKEN.encode(), b"bad", requests.TOKEN_B.encode()]
    first, second, third = service.service.answer_all(
        [Asked(UPDATE, payload, NOW_NS, SERVER) for payload in payloads]
    )
    assert first.changes == (Change(A.public_key, requests.TOKEN),)
    assert isinstance(second, ValueError)
    assert third.changes == (Change(B.public_key, requests.TOKEN_B),)


def test_one_that_finds_no_room_on_the_disk_concerns_no_other(setting):
    service = setting("bounded")
    payloads = [requests.TOKEN, requests.TOKEN_B, requests.NEWER]
    answers = service.service.answer_all(
        [Asked(UPDATE, payload.encode(), NOW_NS, SERVER) for payload in payloads]
    )
    replies = [readable(next(iter(answer.replies))) for answer in answers]
    assert replies[1:2] == list(requests.refused(B, requests.FULL))
    assert replies[::2] == 2 * list(requests.updated(A))
    assert service.directory.load(A.public_key) == requests.NEWER


def test_what_is_listened_to(setting):
    shared = {(item.subject, item.queue) for item in setting().service.subscriptions}
    assert ("$SYS.REQ.CLAIMS.PACK", "responder") in shared
    assert {subject for subject, queue in shared if not queue} == {
        "$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE",
        "$SYS.ACCOUNT.*.CLAIMS.UPDATE",
        "$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP",
        "$SYS.REQ.CLAIMS.UPDATE",
        "$SYS.REQ.CLAIMS.LIST",
        "$SYS.REQ.CLAIMS.DELETE",
    }
    memory = {item.subject for item in setting("memory").service.subscriptions}
    assert memory == {"$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE", "$SYS.ACCOUNT.*.CLAIMS.UPDATE"}


@pytest.mark.parametrize(
    "subject", [UPDATE, requests.LIST, requests.DELETE, requests.PACK, of(A, "LOOKUP")]
)
def test_memory_answers_nothing_else(setting, subject):
    assert setting("memory").ask(subject, requests.TOKEN) == Answer()


def test_other_requests_are_not_answered(setting):
    assert setting().ask("$SYS.REQ.CLAIMS.OTHER") == Answer()
