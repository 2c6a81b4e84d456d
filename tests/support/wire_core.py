"""The compiled core in memory as a target for wire transcripts."""

import msgspec

from isthmus.accounts.transform import fit
from isthmus.core.crossing import Crossing
from isthmus.core.permits import PublishPermits, SubjectSet
from support.core import MemoryConnection, World
from support.wire import QUIET, Setting, Transcript

RESPONSE_TYPES = {"singleton": 0, "stream": 1, "chunked": 2}


def listed(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


class CoreTarget:
    """Connections of one `World`; services are open crossings."""

    def __init__(self, transcript: Transcript) -> None:
        self.world = World()
        self.connections: dict[str, MemoryConnection] = {}
        setting = transcript.setting
        self._share(setting)
        for name in transcript.names:
            connection = MemoryConnection(self.world, setting.account_of(name))
            self._permit(connection, setting.permissions.get(name, {}))
            options = QUIET | setting.options.get(name, {})
            connection.say(b"CONNECT " + msgspec.json.encode(options))
            self.connections[name] = connection

    def send(self, name: str, data: bytes) -> None:
        connection = self.connections[name]
        kept = connection.heard()
        connection.transport.written += kept + connection.send(data)

    def pause(self, name: str) -> None:
        """Everything sent has been read."""

    def settle(self) -> None:
        """Nothing is under way between two calls."""

    def take(self, name: str) -> list[bytes]:
        return self.connections[name].heard().split(b"\r\n")[:-1]

    def closed(self, name: str) -> bool:
        return self.connections[name].closed

    def _share(self, setting: Setting) -> None:
        for wanted in setting.imports:
            found = fit(wanted.local, wanted.subject)
            offer = next(
                service for service in setting.services if service.account == wanted.exporter
                and (service.subject == wanted.subject or service.subject.endswith(">"))
            )  # fmt: skip
            crossing = Crossing(
                self.world.account(wanted.account),
                self.world.account(wanted.exporter),
                local=found.pattern.encode(),
                remote=wanted.subject.encode(),
                parts=found.outward,
                response_type=RESPONSE_TYPES[offer.response_type],
                share=wanted.share,
            )
            crossing.open(0)
            crossing.subscribe()

    def _permit(self, connection: MemoryConnection, permissions: dict) -> None:
        publish = permissions.get("publish", {})
        if isinstance(publish, (str, list)):
            publish = {"allow": publish}
        responses = permissions.get("allow_responses", {})
        if publish or responses:
            allow = publish.get("allow", [] if responses else None)
            connection.permits = PublishPermits(
                allow=None if allow is None else SubjectSet(listed(allow)),
                deny=SubjectSet(listed(publish["deny"])) if "deny" in publish else None,
                replies_max=responses.get("max", 1) if responses else 0,
                replies_ttl_ns=120_000_000_000,
            )
        if "subscribe" in permissions:
            connection.denied = SubjectSet(listed(permissions["subscribe"]["deny"]))
