"""What a server is asked for `nsc explain --live`, and its answers as values.

Owns the questions to the system account and the reading of what comes back, from our server and
from nats-server alike. Judges nothing: an answer that did not come or cannot be read is left out.

    $SYS.REQ.ACCOUNT.<key>.CLAIMS.LOOKUP   the account's token as the server has it
    $SYS.REQ.ACCOUNT.<key>.INFO            the account as it runs: imports, connections
    $SYS.REQ.SERVER.PING.JSZ               its streams and consumers

A server loads an account when somebody needs it. Where it has not, a user of the account that may
do nothing logs in for a moment, if the keystore has a key to sign it.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc import resolver
from isthmus.cli.nsc.http import is_http
from isthmus.cli.nsc.login_flags import LoginFlags
from isthmus.cli.nsc.push_login import make_login, make_passing_user
from isthmus.cli.nsc.resolver import Login, ResolverError
from isthmus.cli.nsc.store import Store
from isthmus.sharing.told import (
    AccountState,
    ConsumerState,
    ImportState,
    JetStreamState,
    StreamState,
    Told,
)
from isthmus.sharing.world import World

_LOOKUP = "$SYS.REQ.ACCOUNT.{}.CLAIMS.LOOKUP"
_INFO = "$SYS.REQ.ACCOUNT.{}.INFO"
_JSZ = "$SYS.REQ.SERVER.PING.JSZ"
SUBJECTS = (_LOOKUP.format("*"), _INFO.format("*"), _JSZ)
_TIMEOUT_S_MAX = 60
T = TypeVar("T", bound=Value)


class Asking(Value):
    """Which server, as whom, for how long."""

    url: str = ""
    login: LoginFlags = LoginFlags()
    timeout: int = 2

    @property
    def timeout_s(self) -> int:
        """Seconds to wait for an answer, within bounds."""
        return min(max(self.timeout, 1), _TIMEOUT_S_MAX)


def ask(store: Store, world: World, keys: Sequence[str], asking: Asking) -> Told:
    """Ask about these accounts."""
    url = asking.url or server_url(store)
    try:
        _, login = make_login(
            store, url, asking.login, client_name="nsc_explain", subjects=SUBJECTS
        )
        answers = _ask(login, keys, asking.timeout_s)
        asleep = [key for key in keys if _asleep(answers, key) and key in world.accounts]
        woken = [key for key in asleep if _wake(store, world, key, login)]
        if woken:
            answers |= _ask(login, woken, asking.timeout_s)
    except (ResolverError, CommandError) as error:
        return Told(url=url, problem=str(error))
    return _read(url, keys, answers)


def server_url(store: Store) -> str:
    """The server that the operator names. Raises `CommandError` if it names none."""
    operator = store.operator().nats
    for url in (operator.account_server_url, *operator.operator_service_urls):
        if url and not is_http(url):
            return url
    raise CommandError(
        "no nats-server url was provided by the operator jwt", hint="name one: --nats-url <url>"
    )


Answers = dict[str, Sequence[bytes]]


def _ask(login: Login, keys: Iterable[str], timeout_s: int) -> Answers:
    """Every question's answers; those about JetStream under the subject and the account."""
    asked: dict[str, tuple[str, bytes]] = {}
    for key in keys:
        body = {"account": key, "streams": True, "consumer": True, "config": True}
        asked[_LOOKUP.format(key)] = (_LOOKUP.format(key), b"")
        asked[_INFO.format(key)] = (_INFO.format(key), b"")
        asked[_JSZ + key] = (_JSZ, msgspec.json.encode(body))
    found = resolver.enquire(login, list(asked.values()), timeout_s=timeout_s)
    return dict(zip(asked, found, strict=True))


def _asleep(answers: Answers, key: str) -> bool:
    """True if servers have the account and none has loaded it."""
    known = any(answers[_LOOKUP.format(key)])
    return known and _detail(answers, key) is None and bool(answers[_INFO.format(key)])


def _wake(store: Store, world: World, key: str, login: Login) -> bool:
    """Log in to the account for a moment; false if that cannot be, for whatever reason."""
    made = make_passing_user(store, world.name(key))
    if made is None:
        return False
    token, pair = made
    try:
        resolver.enquire(msgspec.structs.replace(login, token=token, key=pair), [], timeout_s=1)
    except ResolverError:  # nobody gets in: what the server says of the account stays unknown
        return False
    return True


# -- reading ---------------------------------------------------------------------------------------


class _Finding(Value):
    code: str = ""
    cause: str = ""


class _Import(Value):
    subject: str = ""
    account: str = ""
    local_subject: str = ""
    type: str = ""
    invalid: bool = False
    finding: _Finding | None = None


class _Detail(Value):
    expired: bool = False
    client_connections: int = 0
    jetstream_enabled: bool = False
    imports: tuple[_Import, ...] = ()


class _Info(Value):
    data: _Detail | None = None


class _StreamConfig(Value):
    subjects: tuple[str, ...] | None = ()
    mirror: dict[str, Any] | None = None
    sources: tuple[dict[str, Any], ...] | None = ()


class _ConsumerConfig(Value):
    deliver_subject: str = ""
    deliver_group: str = ""
    ack_policy: str = "none"
    filter_subject: str = ""
    filter_subjects: tuple[str, ...] | None = ()
    max_ack_pending: int = 0
    pause_until: str = ""


class _Sequences(Value):
    consumer_seq: int = 0


class _Consumer(Value):
    name: str = ""
    config: _ConsumerConfig | None = None
    delivered: _Sequences = _Sequences()
    ack_floor: _Sequences = _Sequences()
    num_ack_pending: int = 0
    num_redelivered: int = 0
    paused: bool = False


class _Stream(Value):
    name: str = ""
    config: _StreamConfig | None = None
    consumer_detail: tuple[_Consumer, ...] | None = ()


class _JetStreamAccount(Value):
    id: str = ""
    memory: int = 0
    storage: int = 0
    stream_detail: tuple[_Stream, ...] | None = ()


class _Jsz(Value):
    account_details: tuple[_JetStreamAccount, ...] | None = ()


class _JszAnswer(Value):
    data: _Jsz | None = None


def _read(url: str, keys: Iterable[str], answers: Answers) -> Told:
    tokens, accounts, jetstream = {}, {}, {}
    for key in keys:
        found = answers[_LOOKUP.format(key)]
        if found:
            token = next((raw for raw in found if raw), b"")
            tokens[key] = token.decode("utf-8", "replace").strip()
        detail = _detail(answers, key)
        if detail is None:
            continue
        accounts[key] = _account_state(detail)
        if answers[_JSZ + key]:
            jetstream[key] = _jetstream_state(answers[_JSZ + key], key, detail)
    return Told(url=url, tokens=tokens, accounts=accounts, jetstream=jetstream)


def _detail(answers: Answers, key: str) -> _Detail | None:
    """The account on the first server that runs it."""
    for info in _decoded(answers[_INFO.format(key)], _Info):
        if info.data is not None:
            return info.data
    return None


def _decoded(found: Iterable[bytes], kind: type[T]) -> list[T]:
    out = []
    for raw in found:
        try:
            out.append(msgspec.json.decode(raw, type=kind))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # an answer in another form is as good as none
    return out


def _account_state(detail: _Detail) -> AccountState:
    return AccountState(
        expired=detail.expired,
        connections=detail.client_connections,
        imports=tuple(
            ImportState(
                kind=item.type,
                account=item.account,
                remote=item.subject,
                local=item.local_subject,
                active=not item.invalid,
                code=item.finding.code if item.finding else "",
                reason=item.finding.cause if item.finding else "",
            )
            for item in detail.imports
        ),
    )


def _jetstream_state(found: Iterable[bytes], key: str, detail: _Detail) -> JetStreamState | None:
    """The account on all servers together; None if JetStream is off for it."""
    states = [
        state
        for answer in _decoded(found, _JszAnswer)
        for state in (answer.data.account_details or () if answer.data else ())
        if state.id == key
    ]
    if not states and not detail.jetstream_enabled:
        return None
    streams = {stream.name: stream for state in states for stream in state.stream_detail or ()}
    return JetStreamState(
        streams=tuple(map(_stream_state, streams.values())),
        storage=max((state.storage for state in states), default=0),
        memory=max((state.memory for state in states), default=0),
    )


def _stream_state(stream: _Stream) -> StreamState:
    config = stream.config or _StreamConfig()
    return StreamState(
        name=stream.name,
        subjects=config.subjects or (),
        sources=config.mirror is not None or bool(config.sources),
        consumers=tuple(map(_consumer_state, stream.consumer_detail or ())),
    )


def _consumer_state(consumer: _Consumer) -> ConsumerState:
    config = consumer.config or _ConsumerConfig()
    single = (config.filter_subject,) if config.filter_subject else ()
    return ConsumerState(
        name=consumer.name,
        deliver_subject=config.deliver_subject,
        deliver_group=config.deliver_group,
        ack_policy=config.ack_policy,
        filters=config.filter_subjects or single,
        paused_until=config.pause_until if consumer.paused else "",
        ack_pending=consumer.num_ack_pending,
        ack_pending_max=config.max_ack_pending,
        delivered=consumer.delivered.consumer_seq,
        ack_floor=consumer.ack_floor.consumer_seq,
        redelivered=consumer.num_redelivered,
    )
