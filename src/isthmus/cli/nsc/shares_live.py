"""What shares were used for, as a server counts it: for `nsc shares --live`.

Owns the question ($SYS.REQ.ACCOUNT.<key>.INFO) and the reading of the answer. nats-server does not
count grants: its answers leave every use unknown, and so does a server that has not loaded the
account or can not be asked.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc import resolver
from isthmus.cli.nsc.explain_live import Asking, server_url
from isthmus.cli.nsc.push_login import make_login
from isthmus.cli.nsc.resolver import ResolverError
from isthmus.cli.nsc.store import Store
from isthmus.identity.revocations import EVERYBODY
from isthmus.sharing import Share

_INFO = "$SYS.REQ.ACCOUNT.{}.INFO"


class Use(Value):
    """What a share was used for, since the server set it up. Times are seconds, 0: never."""

    messages: int = 0
    bytes: int = 0
    last_used_s: int = 0
    last_acknowledged_s: int = 0
    unacknowledged: int | None = None  # None: no consumer is shared


class _Usage(Value):
    messages: int = 0
    bytes: int = 0
    deliveries: int = 0
    answer_bytes: int = 0
    last_used: str = ""
    consumer: str = ""
    last_acknowledged: str = ""
    unacknowledged: int | None = None

    def use(self, kind: str) -> Use:
        """Of a pull consumer: what it delivered, not how often it was asked."""
        pulled = bool(self.consumer) and kind == "service"
        return Use(
            messages=self.deliveries if pulled else self.messages,
            bytes=self.answer_bytes if pulled else self.bytes,
            last_used_s=_seconds(self.last_used),
            last_acknowledged_s=_seconds(self.last_acknowledged),
            unacknowledged=self.unacknowledged,
        )


class _Taken(Value):
    account: str = ""  # in `imports` who gives, in `takers` who takes
    subject: str = ""
    type: str = ""
    usage: _Usage | None = None


class _Detail(Value):
    imports: tuple[_Taken, ...] = ()
    takers: tuple[_Taken, ...] = ()


class _Answer(Value):
    data: _Detail | None = None


class Uses:
    """Use by giver, taker and the giver's subject."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], dict[str, tuple[str, _Usage]]] = {}

    def add(self, key: str, detail: _Detail) -> None:
        """What a server said of the account `key`."""
        for item in detail.imports:
            self._note(item.account, key, item)
        for item in detail.takers:
            self._note(key, item.account, item)

    def _note(self, giver: str, taker: str, item: _Taken) -> None:
        if item.usage is not None:
            self._found.setdefault((giver, taker), {})[item.subject] = (item.type, item.usage)

    def of(self, share: Share) -> Use | None:
        """All that took the share; None if no server counted it.

        What delivers the messages of a consumer counts, not acknowledgements and questions.
        """
        subjects = {grant.subject for grant in share.item.grants}
        found = [
            item
            for (giver, taker), table in self._found.items()
            if giver == share.giver.key and share.taker.key in {taker, EVERYBODY}
            for subject, item in table.items()
            if subject in subjects
        ]
        delivering = [item for item in found if item[1].consumer]
        uses = [usage.use(kind) for kind, usage in delivering or found]
        return _sum(uses) if uses else None


def ask(store: Store, keys: Iterable[str], asking: Asking) -> Uses:
    """Ask a server about these accounts. Raises `CommandError` if it can not be asked."""
    url = asking.url or server_url(store)
    asked = list(keys)
    subjects = (_INFO.format("*"),)
    _, login = make_login(store, url, asking.login, client_name="nsc_shares", subjects=subjects)
    questions = [(_INFO.format(key), b"") for key in asked]
    try:
        answers = resolver.enquire(login, questions, timeout_s=asking.timeout_s)
    except ResolverError as error:
        raise CommandError(str(error)) from None
    uses = Uses()
    for key, found in zip(asked, answers, strict=True):
        for detail in _details(found):
            uses.add(key, detail)
    return uses


def _details(found: Sequence[bytes]) -> list[_Detail]:
    out = []
    for raw in found:
        try:
            answer = msgspec.json.decode(raw, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # an answer in another form counts nothing
        if answer.data is not None:
            out.append(answer.data)
    return out


def _sum(uses: list[Use]) -> Use:
    waiting = [use.unacknowledged for use in uses if use.unacknowledged is not None]
    return Use(
        messages=sum(use.messages for use in uses),
        bytes=sum(use.bytes for use in uses),
        last_used_s=max(use.last_used_s for use in uses),
        last_acknowledged_s=max(use.last_acknowledged_s for use in uses),
        unacknowledged=max(waiting) if waiting else None,  # all use one consumer
    )


def _seconds(text: str) -> int:
    """A time as servers write it; 0 for none, or one that is no time."""
    try:
        return int(datetime.fromisoformat(text).timestamp()) if text else 0
    except ValueError:
        return 0
