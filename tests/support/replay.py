r"""Transcripts of JetStream, replayed: what the file says is sent, what it says must come comes.

        # a comment
        = request s.a m0          set up from another connection: sent, answered without an error
        = pull S.C1 6             likewise: that many messages taken and left unacknowledged
        = waiting S.C1 1          until so many pulls wait
        = pending S.C1 6          until it knows of so many to come: nats-server tells it later
        = ack_pending S.C1 6      until it knows of so many unacknowledged
        = expire S.C2 600         until a pull of so many milliseconds has found nothing
        = until M "messages":2,   until the stream says so of itself
        >> SUB _INBOX.2 2         sent, with its line end
        >> PUB s.a _INBOX.2 2␍␊
           m1
        << MSG _INBOX.2 2 22␍␊    must come; the lines of one subscription in this order
           {"stream":"S","seq":1}

`␍␊` is a line end within one unit, as in the captures. What is sent goes in one piece as far as
the next line that must come. After each group of those, nothing else may have come. Times, and
sizes of what holds times, are masked; an id that the server invents stands for the captured one
from where it is first seen, in both directions.
"""

import json
import re
from collections import defaultdict
from contextlib import closing, suppress
from pathlib import Path

from support.transcript import Line, mask
from support.waiting import wait_for

MS = 1_000_000

# What the server invents, in the place where it is seen first.
_INVENTED = (
    re.compile(r"\nNats-Pin-Id: ([0-9A-Za-z]{22})\r"),
    re.compile(r'"stream_name":"\w+","name":"([0-9A-Za-z]{8})","created"'),
)
_NEXT = "$JS.API.CONSUMER.MSG.NEXT."
_SOMETIME = r'"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"'


def units(path: Path) -> list[tuple[str, str]]:
    """`(sign, text)` of each unit: ">>" and "<<" as they are on the wire, without the last CRLF."""
    out: list[tuple[str, str]] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith((">> ", "<< ")):
            out.append((line[:2], line[3:].replace("␍␊", "\r\n")))
        elif line.startswith("= "):
            out.append(("=", line[2:]))
        elif line.startswith("   "):
            sign, text = out[-1]
            assert sign != "=", f"{path.name}:{number}: nothing is continued here"
            out[-1] = (sign, text + line[3:].replace("␍␊", "\r\n"))
        else:
            assert not line or line[0] == "#", f"{path.name}:{number}: not of a transcript: {line}"
    return out


def shown(text: str) -> str:
    """A frame without times, and without its size where that depends on them."""
    head, _, body = mask(text).partition("\n")
    head = re.sub(r"(\$JS\.ACK\.\S+)\.\d{19}\.(\d+)", r"\1.T.\2", head)
    timed = re.sub(_SOMETIME, '"T"', body)
    timed = re.sub(r'"(pause_remaining|ack_time|active)":\d+', r'"\1":D', timed)
    timed, stamps = re.subn(r"(\nNats-Time-Stamp): \S+", r"\1: T", timed)
    if timed != body or '"timestamp":"T"' in timed:
        head = re.sub(r" \d+ \d+$" if stamps else r" \d+$", " N", head)
    return f"{head}\n{timed}"


class Replay(Line):
    """The connection of a transcript, as `user`; `aside` sets up."""

    def __init__(self, port: int, user: str) -> None:
        super().__init__(port, user=user, **{"pass": user})
        self._port, self._user = port, user
        self._names = {f'"account":"{user}"': '"account":"$G"'}
        self.aside = Line(port, user=user, **{"pass": user})
        self.aside.say("SUB aside 1")

    def close(self) -> None:
        self.aside.close()
        super().close()

    def forget(self) -> None:
        """No stream stays in the account, however far the transcript came: it may be asked again.

        From a connection of its own, since the others may stand in the middle of something.
        """
        with closing(Line(self._port, user=self._user, **{"pass": self._user})) as line:
            line.say("SUB forget 1")
            line.say("PUB $JS.API.STREAM.NAMES forget 0", "")
            [answer] = line.take()
            for name in json.loads(answer.partition("\n")[2])["streams"] or []:
                line.say(f"PUB $JS.API.STREAM.DELETE.{name} forget 0", "")
                line.take()

    def play(self, path: Path) -> None:
        """Send and compare, group by group."""
        said = b""
        wanted: list[str] = []
        for sign, text in [*units(path), ("=", "")]:
            if wanted and sign != "<<":
                self._compare(wanted)
                wanted = []
            if said and sign != ">>":
                self._send(said)
                said = b""
            if sign == ">>":
                said += f"{self._sent(text)}\r\n".encode()
            elif sign == "<<":
                wanted.append(text.replace("\r\n", "\n", 1))
            elif text:
                self._set_up(*text.split(" ", 2))
        self._compare([])

    def _set_up(self, verb: str, place: str, text: str = "") -> None:
        self.settle()
        if verb == "request":
            self.aside_request(place, text)
        elif verb == "pull":
            self.aside.say(f"PUB {_NEXT}{place} aside {len(text)}", text)
            self.aside.take(int(text))
        elif verb == "expire":
            answer = self.aside_request(_NEXT + place, f'{{"batch":1,"expires":{int(text) * MS}}}')
            assert "\nNATS/1.0 408 Request Timeout\r\n" in answer, answer
        elif verb == "until":
            info = f"$JS.API.STREAM.INFO.{place}"
            wait_for(lambda: text in self.aside_request(info))
        else:
            assert verb in {"waiting", "pending", "ack_pending"}, verb
            info = f"$JS.API.CONSUMER.INFO.{place}"
            wait_for(lambda: f'"num_{verb}":{text},' in self.aside_request(info))

    def aside_request(self, subject: str, text: str = "") -> str:
        self.aside.say(f"PUB {subject} aside {len(text)}", text)
        [answer] = self.aside.take()
        assert '"error":' not in answer, f"{subject} {text}: {answer}"
        return answer

    def _compare(self, wanted: list[str]) -> None:
        """Exactly these have come, and nothing else."""
        with suppress(TimeoutError):  # what is missing is shown below
            while len(self.frames) < len(wanted):
                self._read()
        self.settle()
        got, waits = _by_subscription(self.frames), _by_subscription(wanted)
        self.frames = []
        for sid, frames in got.items():
            for frame, original in zip(frames, waits.get(sid, ()), strict=False):
                self._learn(frame, original)
        found = {
            sid: [shown(self._named(frame)) for frame in frames] for sid, frames in got.items()
        }
        asked = {sid: [shown(frame) for frame in frames] for sid, frames in waits.items()}
        assert found == asked, "\n".join(["got", *_lines(found), "wanted", *_lines(asked)])

    def _learn(self, frame: str, original: str) -> None:
        for pattern in _INVENTED:
            ours, captured = pattern.search(frame), pattern.search(original)
            if ours and captured:
                self._names[ours[1]] = captured[1]

    def _named(self, text: str) -> str:
        for ours, captured in self._names.items():
            text = text.replace(ours, captured)
        return re.sub(r'(?<="consumers":\[)[^]]+', _in_order, text)

    def _sent(self, text: str) -> str:
        for ours, captured in self._names.items():
            text = text.replace(captured, ours)
        return text

    def _keep(self, head: str, body: str) -> None:
        self.frames.append(f"{head}\n{body}")


def _by_subscription(frames: list[str]) -> dict[str, list[str]]:
    """The frames by their sid. An empty reply is two spaces in a capture, and none here."""
    out = defaultdict(list)
    for frame in frames:
        head, _, body = frame.partition("\n")
        out[head.split()[2]].append(f"{' '.join(head.split())}\n{body}")
    return dict(out)


def _lines(frames: dict[str, list[str]]) -> list[str]:
    return [frame for sid in sorted(frames) for frame in frames[sid]]


def _in_order(names: re.Match[str]) -> str:
    """Names sorted: an invented one stands anywhere."""
    return ",".join(sorted(names[0].split(",")))
