"""The same command lines through the original tool and ours, one after the other, same output.

Needs the original's program: set ISTHMUS_ORIGINAL_NATS to its path. Times, ports and ids are put
aside; everything else, files included, must be equal byte for byte.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ORIGINAL = os.environ.get("ISTHMUS_ORIGINAL_NATS", "")
pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(not ORIGINAL, reason="ISTHMUS_ORIGINAL_NATS names no program"),
]

_VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "CLOCK"),
    (re.compile(r"\b[0-9.]+(µs|ms|s)\b"), "AGE"),
    (re.compile(r'"rtt": \d+'), '"rtt": N'),
    (re.compile(r"Client ID: \d+"), "Client ID: N"),
    (re.compile(r"\bN[A-Z2-7]{55}\b"), "SERVER"),
    (re.compile(r" +│"), " │"),
    (re.compile(r"─+"), "─"),
]

STREAM = (
    '{"name":"FROMFILE","subjects":["ff.>"],"retention":"limits","max_bytes":1048576,'
    '"max_age":31536000000000000,"max_msg_size":-1,"storage":"file","discard":"old",'
    '"num_replicas":1,"duplicate_window":120000000000}'
)
CONSUMER = (
    '{"ack_policy":"explicit","ack_wait":30000000000,"deliver_policy":"all",'
    '"durable_name":"C1","max_ack_pending":100,"max_deliver":-1,"replay_policy":"instant"}'
)

LINES = """
account info
stream ls
stream ls -n
stream ls -j
stream add S --subjects 'retail.>' --storage file --defaults
stream add --config stream.json
stream add OTHER --config stream.json
stream add S --subjects other --defaults
stream add T --subjects 'a.*' --storage memory --max-age 1d --max-bytes 1MB --max-msgs 5 \
 --max-msgs-per-subject 2 --max-msg-size 1K --dupe-window 1m --retention workq --discard new \
 --no-allow-direct --description hello --deny-purge --compression s2 --metadata a:b --defaults
stream add U --subjects b --defaults --republish-source '>' --republish-destination 'rp.>' \
 --republish-headers --transform-source b --transform-destination c --allow-msg-ttl \
 --limit-consumer-inactive 1h --limit-consumer-max-pending 50
stream add 'a.b' --subjects x --defaults
stream add X --subjects 'x..y' --defaults
stream info T -j
stream info U
consumer ls S
consumer ls S -j
consumer add S C1 --config consumer.json
consumer add S C2 --pull --defaults
consumer add FROMFILE C3 --pull --defaults --filter ff.a --ack all --wait 5s --max-deliver 3 \
 --max-pending 7 --replay original --deliver 5 --description d --max-waiting 3 --max-pull-batch 3 \
 --max-pull-expire 5s --max-pull-bytes 100 --inactive-threshold 1m --sample 50 --headers-only \
 --metadata a=b --memory --replicas 1
consumer add FROMFILE C4 --pull --defaults --filter ff.a --filter ff.b --backoff linear \
 --backoff-steps 3 --backoff-min 1s --backoff-max 3s --max-deliver 5
consumer add FROMFILE C5 --pull --ephemeral --defaults --ack none
consumer add FROMFILE P1 --target push.here --defaults --heartbeat 5s --flow-control --bps 8192
consumer info FROMFILE C3
consumer info FROMFILE C3 -j
consumer info FROMFILE P1 -j
consumer ls S
consumer ls S -n
consumer ls S -j
pub retail.v1.restock.requested 'Restock for item 5678 pronto!'
pub retail.two two -H A:1
pub -J retail.three three
pub -J nostream x
pub x y -H 'A 1'
pub 'a b' x
request retail.four body
request retail.five body --raw
consumer next S C1
consumer next S C1 --ack
consumer next S C1 --count 5 --timeout 600ms
consumer next S C2 --no-ack
consumer next S C2 --nak
consumer next S C2 --term
consumer next S C2 --raw
consumer next S NOPE
consumer next NOPE NOPE
consumer info S C1
consumer info S C2 -j
stream get S 1
stream get S 2
stream get S 99
stream get S -S retail.three
stream get S 2 -j
stream info S
stream info S -j
stream info S --state
stream info S --js-api-prefix 'A B'
stream ls
stream ls --subject 'retail.>'
stream ls --subject nothing
stream purge S -f --seq 2
stream purge S -f --keep 1 --subject 'retail.>'
stream purge S -f -j
consumer rm S NOPE -f
consumer rm S C2 -f
stream rm NOPE -f
stream rm S -f
rtt 1
rtt 1 -j
context ls
context add A
context add ACCTB --server tls://connect.ngs.global --creds /nope.creds --description 'Supply <&>' \
 --js-api-prefix ACCTC.API
context select ACCTB
context add B --server nats://a:1,nats://b:2 --user u --password secret --js-domain hub \
 --inbox-prefix _X --tlsfirst --tlsca ca.pem
context add B --user token
context add C --nkey x --creds x
context add D --context ACCTB
context add 'a/b'
context add '..'
context add 'a b'
context add E --embed --creds ca.pem
context ls
context ls --names
context ls -j
context info
context info B
context info E
context info NOPE
context info B -j
context select NOPE
context select B
context previous
context rm ACCTB
context rm ACCTB -f
context rm A -f
context rm NOPE -f
context unselect
context unselect
"""


class Run:
    """All the lines through one program, on an own server; what each came to."""

    def __init__(self, command: list[str], url: str, folder: Path) -> None:
        self.folder = folder
        (folder / "home").mkdir(parents=True)
        (folder / "stream.json").write_text(STREAM)
        (folder / "consumer.json").write_text(CONSUMER)
        (folder / "ca.pem").write_text("some text")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "XDG_CONFIG_HOME": str(folder / "home" / "config"),
        }
        self.results = []
        for line in LINES.replace("\\\n", "").strip().splitlines():
            words = shlex.split(line)
            server = {} if words[0] == "context" else {"NATS_URL": url}
            done = subprocess.run(
                [*command, *words],
                env=environ | server,
                cwd=folder,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=60,
                check=False,
            )
            text = f"$ {line}\n{done.stdout}\n2| {self._first_line(done.stderr)}\n{done.returncode}"
            self.results.append(self._settled(text, url))

    @staticmethod
    def _first_line(text: str) -> str:
        """Errors without the hints that ours adds on the line below."""
        lines = text.splitlines()
        error = next((n for n, line in enumerate(lines) if "nats: error:" in line), len(lines))
        return "\n2| ".join(lines[: error + 1])

    def _settled(self, text: str, url: str) -> str:
        text = text.replace(str(self.folder), "FOLDER").replace(url, "URL")
        text = text.replace(url.removeprefix("nats://"), "ADDRESS")
        for pattern, name in _VARYING:
            text = pattern.sub(name, text)
        return text

    def files(self) -> dict[str, str]:
        root = self.folder / "home" / "config" / "nats"
        return {
            str(path.relative_to(root)): self._settled(path.read_text(), "nats://none")
            for path in root.rglob("*")
            if path.is_file()
        }


@pytest.mark.slow
def test_both_tools_print_and_write_the_same(start_server, tmp_path):
    runs = []
    for name, command in (
        ("theirs", [ORIGINAL]),
        ("ours", [sys.executable, "-m", "isthmus.cli.nats.main"]),
    ):
        server = start_server(
            "real",
            name=f"server-{name}",
            config=f'server_name: one\njetstream {{ store_dir: "{tmp_path}/js-{name}" }}',
        )
        runs.append(Run(command, server.url, tmp_path / name))
    theirs, ours = runs
    differing = [
        f"--- original\n{one}\n--- ours\n{other}"
        for one, other in zip(theirs.results, ours.results, strict=True)
        if one != other
    ]
    assert not differing, "\n\n".join(differing)
    assert theirs.files() == ours.files()
