"""Any bytes either parse or raise `ProtocolError`, and never more than one publication is kept.

`PYTHONPATH=tests python -m fuzz.parser [SEED [ROUNDS]]` mutates the lines of the transcripts and of
the table of broken input, in random segments; a failure names its seed and round.
"""

import random
import sys
from pathlib import Path

from support.core import MemoryConnection, World
from support.malformed import CASES
from support.wire import Transcript

WIRE = Path(__file__).parents[1] / "wire"
CONTROL_LINE_MAX, PAYLOAD_MAX, HEADROOM = 256, 9000, 8192
KEPT_MAX = PAYLOAD_MAX + 2 + CONTROL_LINE_MAX + len(b"HPUB \r\n")
INTERESTING = [
    b" ", b"\t", b"\r", b"\n", b"\r\n", b"\x00", b"\xff", b".", b"*", b">", b"-1", b"0", b"9" * 12,
    b"PUB a 9000\r\n", b"PUB a 8999\r\n", b"HPUB a 9 9\r\n", b"PING", b" " * 300, b"x" * 300,
    b"y" * 9000, b"CONNECT {}", b"SUB > 1\r\n", b"UNSUB 1\r\n",
]  # fmt: skip


def corpus() -> tuple[list[bytes], list[bytes]]:
    """What clients say in the transcripts, one piece each, and all broken input."""
    said = []
    for path in sorted(WIRE.glob("*.wire")):
        steps = Transcript(path).steps
        said.append(b"".join(text.encode() + b"\r\n" for _, _, sign, text in steps if sign == ">"))
    said += [b"PUB a %d\r\n%s\r\n" % (size, b"z" * size) for size in (100, 5000, 8999, 9000)]
    return said, [case.send[:2000] for case in CASES]


def mutate(chance: random.Random, data: bytearray) -> None:
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        kind = chance.randrange(4)
        if kind == 0:
            data[at:at] = chance.choice(INTERESTING)
        elif kind == 1:
            del data[at : at + chance.choice((1, 2, 10, 100))]
        elif kind == 2 and data:
            data[at % len(data)] = chance.randrange(256)
        else:
            data[at:at] = data[: chance.randint(0, 50)]


def make_stream(chance: random.Random, said: list[bytes], broken: list[bytes]) -> bytearray:
    """Mostly good input, so that what is broken is met in all states."""
    data = bytearray()
    for _ in range(chance.randint(1, 8)):
        piece = bytearray(chance.choice(said))
        if chance.random() < 0.2:
            mutate(chance, piece)
        data += piece
    if chance.random() < 0.3:
        data += chance.choice(broken)
    return data


def play(chance: random.Random, data: bytearray) -> None:
    """One connection, from its first byte to its end."""
    world = World(size=chance.choice((64, 1000, 20_000)), headroom=HEADROOM)
    connection = MemoryConnection(
        world, control_line_max=CONTROL_LINE_MAX, payload_max=PAYLOAD_MAX, pending_max=100_000
    )
    sizes = chance.choice(((1, 2, 7), (5, 100), (1, 5000), (len(data),)))
    while data and not connection.closed:
        size = chance.choice(sizes)
        segment, data = bytes(data[:size]), data[size:]
        if chance.random() < 0.05:
            connection.parser.hold()
            connection.send(segment)
            try:
                connection.parser.resume(world.begin())
            except Exception as error:
                connection.end(error)
                if type(error).__name__ != "ProtocolError":
                    raise
        else:
            connection.send(segment)  # ends the connection on ProtocolError, raises all else
        assert connection.closed or connection.parser.kept <= KEPT_MAX, connection.parser.kept
    if not connection.closed:
        connection.end()
    assert len(world.account().sublist) == 0


def run(seed: int, rounds: int) -> None:
    said, broken = corpus()
    for number in range(rounds):
        chance = random.Random(f"{seed}:{number}")
        try:
            play(chance, make_stream(chance, said, broken))
        except BaseException:
            print(f"seed {seed}, round {number}", file=sys.stderr)
            raise


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:]]
    run(*(arguments + [1, 20_000][len(arguments) :]))
