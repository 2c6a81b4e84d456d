"""One tenant: what it should be, and its compiled half.

Owns the crossings of the account's imports. Knows no connection and no loop: the server attaches
connections and a JetStream of its own. Invariant: there is one `RunningImport` per import of the
spec, with a crossing exactly where the two subjects fit.
"""

from collections.abc import Callable

from isthmus.accounts.imports import Grant, Refusal
from isthmus.accounts.offers import Offers
from isthmus.accounts.spec import AccountSpec, Import, Latency, SubjectMapping
from isthmus.accounts.transform import fit
from isthmus.base.errors import UsageError
from isthmus.core.crossing import Crossing
from isthmus.core.latency import Latency as Measure
from isthmus.core.router import AccountCore
from isthmus.core.stream_import import StreamImport

ImportKey = tuple[str, str, str, str]
MakeMeasure = Callable[[AccountCore, Latency], Measure]
RESPONSE_TYPES = {"Singleton": 0, "Stream": 1, "Chunked": 2}


def import_key(wanted: Import) -> ImportKey:
    """What no other import of the account has in common with it."""
    return (wanted.kind, wanted.account, wanted.remote, wanted.local)


class RunningImport:
    """An import as it stands: granted or refused, and why. A server has a hundred thousand."""

    __slots__ = ("_measured", "_unsettled", "crossing", "verdict", "wanted")

    def __init__(self, wanted: Import, verdict: Grant | Refusal) -> None:
        self.wanted = wanted
        self.verdict = verdict
        self.crossing: Crossing | StreamImport | None = None
        self._measured: Latency | None = None
        self._unsettled: tuple[StreamImport, ...] = ()

    @property
    def active(self) -> bool:
        """True if messages cross now (a passed end is noticed by the crossing itself)."""
        return isinstance(self.verdict, Grant)

    def apply(
        self, importer: AccountCore, exporter: AccountCore | None, make_measure: MakeMeasure
    ) -> None:
        """Make the crossing agree with the verdict."""
        verdict = self.verdict
        if isinstance(verdict, Refusal) or exporter is None:
            self.shut()
            return
        if self.crossing is not None and self.crossing.exporter is not exporter:
            self.withdraw()
            self.crossing = self._measured = None
        if self.crossing is None:
            try:
                self.crossing = self._make(importer, exporter)
            except UsageError as error:
                self.verdict = Refusal(code="rewriting", reason=str(error))
                return
        if isinstance(self.crossing, Crossing):
            offer = verdict.export
            exact = offer.subject == self.wanted.remote
            export = self.crossing.remote if exact else offer.subject.encode()
            self.crossing.configure(
                export, RESPONSE_TYPES[offer.response_type], offer.threshold_ns, self.wanted.share
            )
            if offer.latency != self._measured:
                self._measured = offer.latency
                measure = None if offer.latency is None else make_measure(exporter, offer.latency)
                self.crossing.measure(measure)
        self.crossing.open(verdict.ends_ns)
        if isinstance(self.crossing, StreamImport) and not self.crossing.subscribed:
            self._unsettled += (self.crossing,)
        self.crossing.subscribe()

    @property
    def key(self) -> ImportKey:
        """What makes it the same import after a change: it keeps its crossing."""
        return import_key(self.wanted)

    def take_unsettled(self) -> tuple[StreamImport, ...]:
        """Stream imports that began or ended since the last call: each has steps to take."""
        out, self._unsettled = self._unsettled, ()
        return out

    def _make(self, importer: AccountCore, exporter: AccountCore) -> Crossing | StreamImport:
        """Raises `UsageError` if the two subjects do not fit."""
        found = fit(self.wanted.local, self.wanted.remote)
        local, remote = found.pattern.encode(), self.wanted.remote.encode()
        local = remote if local == remote else local  # one object for both
        if self.wanted.kind == "stream":
            return StreamImport(
                importer,
                exporter,
                local=local,
                remote=remote,
                inward=found.inward,
                outward=found.outward,
            )
        return Crossing(importer, exporter, local=local, remote=remote, parts=found.outward)

    def shut(self) -> None:
        """Nothing crosses any more; it is withdrawn soon."""
        if self.crossing is not None:
            self.crossing.close()

    def withdraw(self) -> None:
        """The import is no longer wanted."""
        if isinstance(self.crossing, StreamImport) and self.crossing.subscribed:
            self._unsettled += (self.crossing,)
        if self.crossing is not None:
            self.crossing.unsubscribe()


class Account:
    """A running account."""

    def __init__(self, spec: AccountSpec, core: AccountCore) -> None:
        assert core.name.decode() == spec.name
        self.spec = spec
        self.core = core
        self.mapped: tuple[SubjectMapping, ...] = ()  # what `core.mapping` was made of
        self.imports: list[RunningImport] = []  # a list of its own after each change
        self.changes = 0  # how often the account changed: work for an earlier change is void
        self.looks = 0  # how often its imports were looked through for their next moment
        self.updated_ns = 0
        self.expired = False
        self._offers: Offers | None = None

    def change(self, spec: AccountSpec, now_ns: int) -> None:
        """It should be something else from now on; its imports follow (`rebuilding`)."""
        self.spec = spec
        self.changes += 1
        self.updated_ns = now_ns
        self.expired = bool(spec.expires_ns) and now_ns >= spec.expires_ns
        self._offers = None

    @property
    def offers(self) -> Offers:
        """What it exports, for looking up."""
        if self._offers is None:
            self._offers = Offers(self.spec.exports)
        return self._offers

    @property
    def name(self) -> str:
        """Public key in operator mode, configured name otherwise."""
        return self.spec.name

    @property
    def label(self) -> str:
        """The name people know."""
        return self.spec.label or self.spec.name

    @property
    def complete(self) -> bool:
        """True if every import is active."""
        return all(running.active for running in self.imports)
