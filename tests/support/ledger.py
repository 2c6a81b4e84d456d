"""What a server promised about its streams, and what of it a later look finds broken.

`Ledger` is told of what was asked and what was answered: by the fault scenarios in memory
(`support/promises.py`) and by clients of a process that is killed (`tests/server/test_kill.py`).

        acknowledged, and no removal asked for     must be there, with its content
        removal confirmed                          must be gone
        anything else that was tried               may be there, with its content, or not
        what nobody tried                          must not be there
"""

from dataclasses import dataclass, field

Message = tuple[str, bytes, bytes]  # subject, header block, payload


@dataclass
class StreamLedger:
    """One stream: `tried` by payload, which is unique; the others by sequence."""

    tried: dict[bytes, Message] = field(default_factory=dict)
    acked: dict[int, Message] = field(default_factory=dict)
    perhaps_gone: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)  # acknowledged by a consumer, and confirmed
    used: int = 0  # the highest sequence anybody was told of

    def stored(self, seq: int, message: Message) -> None:
        """An acknowledgement came."""
        assert seq not in self.acked, f"{seq} was given to {self.acked[seq]} and to {message}"
        assert seq not in self.gone, f"{seq} was given to a message that went, and to {message}"
        self.acked[seq] = message
        self.used = max(self.used, seq)

    def removing(self, seqs) -> set[int]:
        """Their removal is asked for."""
        self.perhaps_gone |= (seqs := set(seqs))
        return seqs

    def removed(self, seqs) -> None:
        """Their removal was confirmed."""
        self.gone |= set(seqs)

    def adopt(self, found: dict[int, Message]) -> None:
        """What a restart found is how it is from now on."""
        self.gone |= (self.perhaps_gone | set(self.acked)) - set(found)
        self.perhaps_gone.clear()
        self.acked = dict(found)
        self.used = max([self.used, *found])

    def problems(self, found: dict[int, Message], state: dict) -> list[str]:
        """What is wrong with messages and counters; empty: nothing."""
        out = []
        for seq, message in self.acked.items():
            if seq not in found and seq not in self.perhaps_gone and seq not in self.gone:
                out.append(f"{seq} was acknowledged and is missing")
            if seq in found and found[seq] != message:
                out.append(f"{seq} is {found[seq]}, acknowledged was {message}")
        for seq, message in found.items():
            if self.tried.get(message[2]) != message:
                out.append(f"{seq} is {message}, which nobody published")
            if seq in self.gone:
                out.append(f"{seq} is back")
        if len({message[2] for message in found.values()}) != len(found):
            out.append("a message is there twice")
        return out + wrong_counters(found, state, self.used)


def wrong_counters(found: dict[int, Message], state: dict, used: int = 0) -> list[str]:
    """Where the state of a stream differs from what its messages say."""
    last = state["last_seq"]
    first = min(found, default=last + 1)
    want = {
        "messages": len(found),
        "bytes": sum(file_bytes(message) for message in found.values()),
        "num_subjects": len({subject for subject, _, _ in found.values()}),
        "num_deleted": last + 1 - first - len(found),
    }
    if found or last:
        want["first_seq"] = first
    out = [
        f"state.{name} is {state.get(name, 0)}, the messages say {value}"
        for name, value in want.items()
        if state.get(name, 0) != value
    ]
    if last < max([used, *found]):
        out.append(f"state.last_seq is {last}: {max([used, *found])} may be used again")
    return out


def file_bytes(message: Message) -> int:
    """What a message in a file counts (jetstream semantics, 9.1)."""
    subject, header, payload = message
    return 30 + len(subject) + len(payload) + (4 + len(header) if header else 0)
