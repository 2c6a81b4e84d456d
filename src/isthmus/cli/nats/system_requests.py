"""Questions that several servers may answer: `$SYS.REQ.SERVER.PING…`, `$SYS.REQ.ACCOUNT.PING…`.

Owns the collecting: the first answer may take as long as `--timeout`, each further one a moment; an
expected number of answers ends the wait earlier. Who may not ask is told so.
"""

import time
from typing import Any

import msgspec

from isthmus.base.values import NS_PER_S, Value, to_json
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.connect import NO_RESPONDERS, Client
from isthmus.cli.nats.incoming import Incoming

_NEXT_NS = 300_000_000  # after an answer, for the next one
_ANSWERS_MAX = 10_000
_NOBODY = (
    "no results received, ensure the account used has system privileges and appropriate permissions"
)


class Reply(Value):
    """One server's answer."""

    server: dict[str, Any]
    body: dict[str, Any]  # the whole document
    raw: bytes
    rtt_ns: int

    @property
    def data(self) -> dict[str, Any]:
        """What was asked for."""
        found = self.body.get("data") or {}
        assert isinstance(found, dict)
        return found


async def ask_servers(
    client: Client, subject: str, request: object = None, *, expect: int = 0
) -> list[Reply]:
    """The answers to one question, in the order they came; none is an error."""
    incoming = Incoming(client)
    inbox = client.raw.new_inbox()
    await incoming.listen(inbox)
    began_ns = time.monotonic_ns()
    await client.raw.publish(subject, b"" if request is None else to_json(request), reply=inbox)
    found: list[Reply] = []
    try:
        while len(found) < (expect or _ANSWERS_MAX):
            wait_ns = _NEXT_NS if found else client.settings.timeout_ns
            message = await incoming.next(wait_ns)
            if message is None:
                break
            if not message.data and (message.headers or {}).get("Status") == NO_RESPONDERS:
                break
            found.append(_reply(message.data, time.monotonic_ns() - began_ns))
    finally:
        await incoming.close()
    if not found:
        raise CommandError(_NOBODY, hint=f"nobody answered {subject}")
    return found


def _reply(data: bytes, rtt_ns: int) -> Reply:
    try:
        body = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise CommandError(f"a server gave an answer that cannot be read: {error}") from None
    problem = body.get("error")
    if isinstance(problem, dict):
        raise CommandError(f"{problem.get('description', 'refused')} ({problem.get('code', 0)})")
    return Reply(server=body.get("server") or {}, body=body, raw=data, rtt_ns=rtt_ns)


def whole_seconds(duration_ns: int) -> int:
    """A duration without the part below a second, for people."""
    return duration_ns // NS_PER_S * NS_PER_S
