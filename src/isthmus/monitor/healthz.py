"""/healthz: may clients be sent here, and does one account, stream or consumer work?

Owns the questions, the answers and the HTTP code of each. A journal that can not be written makes
the server unavailable: a publish would not be acknowledged.
"""

from isthmus.base.values import Value
from isthmus.monitor.documents import Document
from isthmus.monitor.snapshots import AccountSnapshot, JetStreamSnapshot, StreamSnapshot

OK, BAD_REQUEST, NOT_FOUND, UNAVAILABLE = 200, 400, 404, 503


class HealthzQuery(Value):
    """What is asked. `shallow` leaves out streams: only whether JetStream runs."""

    account: str = ""
    stream: str = ""
    consumer: str = ""
    shallow: bool = False
    details: bool = False


class HealthzError(Document):
    """One thing that is wrong."""

    type: str
    account: str = ""
    stream: str = ""
    consumer: str = ""
    error: str = ""


class Healthz(Document):
    """The document: `error`, or with `details` every one of `errors`."""

    status: str
    error: str = ""
    errors: tuple[HealthzError, ...] = ()


def make_healthz(jetstream: JetStreamSnapshot | None, query: HealthzQuery) -> tuple[int, Healthz]:
    """The HTTP code and the document of a moment. `jetstream` None: it was never asked for."""
    if query.stream and not query.account:
        return _misused('"account" must not be empty when checking stream health', query)
    if query.consumer and not query.stream:
        return _misused('"stream" must not be empty when checking consumer health', query)
    if jetstream is None:
        return OK, Healthz(status="ok")
    if jetstream.problem:
        return _wrong(UNAVAILABLE, [HealthzError(type="JETSTREAM", error=jetstream.problem)], query)
    if query.shallow:
        return OK, Healthz(status="ok")
    if query.account:
        missing = _missing(jetstream, query)
        if missing is not None:
            return _wrong(NOT_FOUND, [missing], query)
    errors = [
        _write_error(account, stream)
        for account in jetstream.accounts
        for stream in account.streams
        if stream.write_error
        and query.account in {"", account.name}
        and query.stream in {"", stream.name}
    ]
    return _wrong(UNAVAILABLE, errors, query) if errors else (OK, Healthz(status="ok"))


def _missing(jetstream: JetStreamSnapshot, query: HealthzQuery) -> HealthzError | None:
    """What of the account, stream and consumer asked for does not exist."""
    name = query.account
    accounts = {account.name: account for account in jetstream.accounts}
    if name not in accounts:
        text = f'JetStream account "{name}" not found'
        return HealthzError(type="ACCOUNT", account=name, error=text)
    if not query.stream:
        return None
    streams = {stream.name: stream for stream in accounts[name].streams}
    if query.stream not in streams:
        text = f'JetStream stream "{query.stream}" not found on account "{name}"'
        return HealthzError(type="STREAM", account=name, stream=query.stream, error=text)
    consumers = {consumer.name for consumer in streams[query.stream].consumers}
    if query.consumer and query.consumer not in consumers:
        return HealthzError(
            type="CONSUMER",
            account=name,
            stream=query.stream,
            consumer=query.consumer,
            error=f'JetStream consumer "{query.consumer}" not found for stream '
            f'"{query.stream}" on account "{name}"',
        )
    return None


def _write_error(account: AccountSnapshot, stream: StreamSnapshot) -> HealthzError:
    place = f"{account.name} > {stream.name}"
    return HealthzError(
        type="STREAM",
        account=account.name,
        stream=stream.name,
        error=f"JetStream stream '{place}' write error: {stream.write_error}",
    )


def _misused(text: str, query: HealthzQuery) -> tuple[int, Healthz]:
    if query.details:
        return BAD_REQUEST, Healthz(
            status="error", errors=(HealthzError(type="BAD_REQUEST", error=text),)
        )
    return BAD_REQUEST, Healthz(status="error", error=text)


def _wrong(code: int, errors: list[HealthzError], query: HealthzQuery) -> tuple[int, Healthz]:
    if query.details:
        return code, Healthz(status="error", errors=tuple(errors))
    return code, Healthz(status="unavailable", error=errors[0].error)
