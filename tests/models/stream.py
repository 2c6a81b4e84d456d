"""A stream as a dictionary of messages, with the limits that remove some of them."""


class StreamModel:
    """Messages by sequence. -1: no limit."""

    def __init__(self, *, max_msgs: int = -1, max_msgs_per_subject: int = -1) -> None:
        self.max_msgs = max_msgs
        self.max_msgs_per_subject = max_msgs_per_subject
        self.messages: dict[int, tuple[str, int]] = {}  # seq -> subject, time; in order of seq
        self.last_seq = 0
        self.used = False

    @property
    def first_seq(self) -> int:
        if self.messages:
            return next(iter(self.messages))
        return self.last_seq + 1 if self.used else 0

    def of_subject(self, subject: str) -> list[int]:
        return [seq for seq, (name, _) in self.messages.items() if name == subject]

    def publish(self, subject: str, now_ns: int) -> list[int]:
        """Store a message; the sequences that went for it."""
        self.used = True
        self.last_seq += 1
        self.messages[self.last_seq] = (subject, now_ns)
        gone = []
        if 0 < self.max_msgs_per_subject < len(self.of_subject(subject)):
            gone.append(self.of_subject(subject)[0])
            del self.messages[gone[-1]]
        if 0 < self.max_msgs < len(self.messages):
            gone.append(self.first_seq)
            del self.messages[gone[-1]]
        return gone

    def delete(self, seq: int) -> bool:
        return self.messages.pop(seq, None) is not None

    def purge(self, *, subject: str = "", below: int = 0, keep: int = 0) -> list[int]:
        """The sequences that went."""
        found = [seq for seq, (name, _) in self.messages.items() if subject in {"", name}]
        gone = [seq for seq in found if not below or seq < below]
        if keep:
            gone = found[:-keep]
        for seq in gone:
            del self.messages[seq]
        if not subject and below > self.last_seq + 1:
            self.last_seq = below - 1
            self.used = True
        return gone
