"""`nats subscribe --report-subjects` and `--report-subscriptions`: who gets how much.

Owns the counting and its table. The table of subjects is bounded; what does not fit any more is
counted together as `(other)`.
"""

from isthmus.base.subjects import covers
from isthmus.base.values import NS_PER_S
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.formats import byte_count, count
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.sub import Options, announce
from isthmus.cli.tables import rounded_table

_EVERY_NS = NS_PER_S
_SUBJECTS_MAX = 100_000
_OTHER = "(other)"
_CLEAR = "\x1b[2J\x1b[H"


async def run(options: Options, session: Session, client: Client) -> int:
    """Count until a number of messages, a silence or Ctrl-C; the number of messages."""
    incoming = Incoming(client)
    announce(options, session, list(options.subjects))
    for subject in options.subjects:
        await incoming.listen(subject, options.queue)
    await client.flush()
    counts: dict[str, tuple[int, int]] = {}
    total, shown, quiet_ns, due_ns = 0, 0, 0, session.wall_ns() + _EVERY_NS
    try:
        while not options.count or total < options.count:
            message = await incoming.next(_EVERY_NS)
            if message is not None:
                quiet_ns, total = 0, total + 1
                key = _key(options, message.subject, counts)
                messages, size = counts.get(key, (0, 0))
                counts[key] = (messages + 1, size + len(message.data))
            else:
                quiet_ns += _EVERY_NS
                if options.wait and quiet_ns >= options.wait:
                    break
            if session.wall_ns() >= due_ns and total > shown:
                shown, due_ns = total, session.wall_ns() + _EVERY_NS
                _show(options, session, counts)
    finally:
        if total > shown:
            _show(options, session, counts)
    return total


def _key(options: Options, subject: str, counts: dict[str, tuple[int, int]]) -> str:
    if options.report_subscriptions:
        return next(pattern for pattern in options.subjects if covers(pattern, subject))
    return subject if subject in counts or len(counts) < _SUBJECTS_MAX else _OTHER


def _show(options: Options, session: Session, counts: dict[str, tuple[int, int]]) -> None:
    top = sorted(counts.items(), key=lambda entry: (-entry[1][0], entry[0]))[: options.report_top]
    rows = [(name, count(messages), byte_count(size)) for name, (messages, size) in top]
    totals = [sum(column) for column in zip(*(counts[name] for name, _ in top), strict=True)]
    what = "Subscription" if options.report_subscriptions else "Subject"
    table = rounded_table(
        f"Top {options.report_top} Active {what}s Report",
        (what, "Message Count", "Bytes"),
        rows,
        ("Totals", count(totals[0]), byte_count(totals[1])),
    )
    clear = _CLEAR if session.streams.is_terminal else ""
    session.streams.out(clear + table + "\n")
    session.streams.flush()
