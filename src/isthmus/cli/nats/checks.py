"""The result of a check, and how monitoring systems read it: nagios, JSON, text, prometheus.

Owns the formats and the exit codes: 0 fine, 1 warning, 2 critical. Knows no check.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from isthmus.base.values import Value, to_json
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.session import Session
from isthmus.cli.tables import rounded_table

_STATES = ("OK", "WARNING", "CRITICAL")
_NAMESPACE = "nats_server_check"


class Metric(Value):
    """One measured number with its limits; 0 is without limit."""

    name: str
    value: float
    about: str
    warning: float = 0
    critical: float = 0
    unit: str = ""


class Check:
    """What one check found."""

    def __init__(self, suite: str, name: str) -> None:
        self.suite = suite
        self.name = name
        self.found: dict[str, list[str]] = {state: [] for state in _STATES}
        self.metrics: list[Metric] = []

    def ok(self, text: str) -> None:
        """Note something that is as it should be."""
        self.found["OK"].append(text)

    def warning(self, text: str) -> None:
        """Note something to look at."""
        self.found["WARNING"].append(text)

    def critical(self, text: str) -> None:
        """Note something that is wrong."""
        self.found["CRITICAL"].append(text)

    def limit(self, metric: Metric, text: str, exceeded: str = "") -> None:
        """Keep the metric, and judge it. A critical limit below the warning turns both round."""
        self.metrics.append(metric)
        value, warning, critical = metric.value, metric.warning, metric.critical
        falling = bool(critical and warning and critical < warning)

        def beyond(bound: float) -> bool:
            return bool(bound) and (value <= bound if falling else value >= bound)

        if beyond(critical):
            self.critical(exceeded or text)
        elif beyond(warning):
            self.warning(exceeded or text)
        elif critical or warning:
            self.ok(text)

    @property
    def code(self) -> int:
        """The worst that was found, as an exit code."""
        return max((code for code, state in enumerate(_STATES) if self.found[state]), default=0)

    @property
    def state(self) -> str:
        """The same in words."""
        return _STATES[self.code]

    def render(self, form: str, namespace: str) -> str:
        """The result in one of the formats, without a last newline."""
        forms: dict[str, Callable[[], str]] = {"nagios": self._nagios, "text": self._text}
        if form == "prometheus":
            return self._prometheus(namespace)
        return forms[form]()

    def document(self) -> dict[str, Any]:
        """The result as JSON has it."""
        lists = {"warning": "WARNING", "critical": "CRITICAL", "ok": "OK"}
        metrics = []
        for one in self.metrics:
            optional = {"warning": one.warning, "critical": one.critical, "unit": one.unit}
            given = {key: value for key, value in optional.items() if value}
            metrics.append({"name": one.name, "value": one.value, **given})
        return {
            "status": self.state,
            "check_suite": self.suite,
            "check_name": self.name,
            **{key: self.found[state] for key, state in lists.items() if self.found[state]},
            **({"perf_data": metrics} if metrics else {}),
        }

    def _nagios(self) -> str:
        parts = [f"{self.state} {self.name}"]
        for label, state in (("Crit", "CRITICAL"), ("Warn", "WARNING"), ("OK", "OK")):
            parts += [f"{label}:{text}" for text in self.found[state]]
        perf = " ".join(_perf(metric) for metric in self.metrics)
        return " ".join(parts) + (f" | {perf}" if perf else "")

    def _text(self) -> str:
        rows = [(state, text) for state in reversed(_STATES) for text in self.found[state]]
        out = [f"{self.name}: {self.state}"]
        if rows:
            out.append("Status Detail\n\n" + rounded_table("", ("Status", "Message"), rows))
        if self.metrics:
            headers = ("Metric", "Value", "Unit", "Critical Threshold", "Warning Threshold")
            numbers = [
                (
                    one.name,
                    _number(one, one.value),
                    one.unit,
                    _number(one, one.critical),
                    _number(one, one.warning),
                    one.about,
                )
                for one in self.metrics
            ]
            out.append("Check Metrics\n\n" + rounded_table("", (*headers, "Description"), numbers))
        return "\n\n".join(out) + "\n"

    def _prometheus(self, namespace: str) -> str:
        lines = []
        for one in sorted(self.metrics, key=lambda metric: metric.name):
            name = f"{namespace}_{self.suite}_{one.name}"
            lines += [f"# HELP {name} {one.about}", f"# TYPE {name} gauge"]
            lines.append(f'{name}{{item="{self.name}"}} {one.value:g}')
        name = f"{namespace}_{self.suite}_status_code"
        lines += [
            f"# HELP {name} Nagios compatible status code for {self.suite}",
            f"# TYPE {name} gauge",
            f'{name}{{item="{self.name}",status="{self.state}"}} {self.code}',
        ]
        return "\n".join(lines) + "\n"


def _number(metric: Metric, value: float) -> str:
    return f"{value:.3f}" if metric.unit == "s" else f"{value:.0f}"


def _perf(metric: Metric) -> str:
    places = 4 if metric.unit == "s" else 0

    def text(value: float) -> str:
        return f"{value:.{places}f}"

    out = f"{metric.name}={text(metric.value)}{metric.unit}"
    if metric.warning or metric.critical:
        out += f";{text(metric.warning)}" if metric.warning else ";"
    return out + (f";{text(metric.critical)}" if metric.critical else "")


def check_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags about the format to a verb."""
    for flag in (
        click.option("--outfile", default="", metavar="FILE", help="Write the result there"),
        click.option(
            "--namespace", default=_NAMESPACE, metavar="NAME", help="Of prometheus' metrics"
        ),
        click.option(
            "--format",
            "form",
            type=click.Choice(["nagios", "json", "prometheus", "text"]),
            default="nagios",
            help="Format (nagios)",
        ),
    ):
        function = flag(function)
    return function


def report(session: Session, check: Check, *, form: str, namespace: str, outfile: str) -> int:
    """Print or write the result; the exit code that says it."""
    streams = session.streams
    if form == "json":
        text = msgspec.json.format(to_json(check.document()), indent=2).decode()
    else:
        text = check.render(form, namespace)
    if not outfile:
        streams.out(text)
    else:
        try:
            Path(outfile).write_text(text + "\n")
        except OSError as error:
            raise CommandError(f"{outfile}: {error.strerror}") from None
    return 0 if form == "prometheus" else check.code
