"""The lines a command reports: `[ OK ]`, `[WARN]`, `[ERR ]`, with details below them.

Owns the layout and the counting of what succeeded. Knows no command. A detail stands seven columns
further in than what it belongs to; what a server said stands behind `> `.

    [ OK ] push to nats-server "…":
           [ OK ] push ACCTC …:
                  > server text
"""

from isthmus.base.values import Value

OK, WARNING, ERROR = "[ OK ]", "[WARN]", "[ERR ]"
_INDENT = " " * 7


class _Line(Value):
    text: str
    server: bool = False


class Report:
    """What one command did, line by line. A report with a label counts as one job."""

    def __init__(self, label: str = "", *, with_summary: bool = False) -> None:
        self.label = label
        self.with_summary = with_summary
        self.body = ""  # what the command was asked for, printed before the report
        self.notes: list[str] = []  # lines for the error stream, after the report
        self.advice: list[str] = []  # lines after the report: what can be done next
        self.failure = ""  # why the command fails all the same
        self._details: list[tuple[str, _Line | Report]] = []

    def ok(self, text: str) -> None:
        """Something was done."""
        self._details.append((OK, _Line(text=text)))

    def warn(self, text: str) -> None:
        """Something was done, with a reservation."""
        self._details.append((WARNING, _Line(text=text)))

    def error(self, text: str) -> None:
        """Something failed."""
        self._details.append((ERROR, _Line(text=text)))

    def server(self, text: str) -> None:
        """What a server said about the line before."""
        self._details.append((OK, _Line(text=text, server=True)))

    def section(self, label: str) -> "Report":
        """A job with details of its own."""
        child = Report(label)
        self.add(child)
        return child

    def add(self, child: "Report") -> None:
        """A job that was reported elsewhere, as part of this one."""
        self._details.append(("", child))

    @property
    def status(self) -> str:
        """The worst of all details."""
        found = {
            detail.status if isinstance(detail, Report) else status
            for status, detail in self._details
        }
        return ERROR if ERROR in found else WARNING if WARNING in found else OK

    @property
    def failed(self) -> bool:
        """True if anything failed."""
        return self.status == ERROR

    def lines(self) -> list[str]:
        """The report as text."""
        if not self.label:
            return self._detail_lines()
        head = f"{self.status} {self.label}:"
        return [head, *(_INDENT + line for line in self._detail_lines())]

    def _detail_lines(self) -> list[str]:
        out: list[str] = []
        for status, detail in self._details:
            if isinstance(detail, Report):
                out += detail.lines()
            elif detail.server:
                out += [f"> {line}" for line in detail.text.splitlines() if line.strip()]
            else:
                out.append(f"{status} {detail.text}")
        return out

    def summary(self) -> str:
        """What scripts look for at the end: `all jobs succeeded`; empty for a single job."""
        ok, warnings, errors = self._counts()
        if errors:
            if not ok and not warnings:
                return "all jobs failed"
            return (
                f"{errors} {_jobs(errors)} failed - {ok} {_jobs(ok)} succeeded"
                f" and {warnings} had warnings"
            )
        if ok + warnings <= 1:
            return ""
        if not warnings:
            return "all jobs succeeded"
        if not ok:
            return "all jobs had warnings"
        return f"{ok} {_jobs(ok)} succeeded - {warnings} have warnings"

    def _counts(self) -> tuple[int, int, int]:
        found = [
            detail.status if isinstance(detail, Report) else status
            for status, detail in self._details
            if isinstance(detail, Report) or not detail.server
        ]
        return found.count(OK), found.count(WARNING), found.count(ERROR)


def _jobs(count: int) -> str:
    return "job" if count <= 1 else "jobs"
