"""What a StreamLog is: messages by sequence, and how far sequences were used."""

from isthmus.base.subjects import covers


class StreamLogModel:
    def __init__(self, *, memory, first_seq=1):
        self.memory = memory
        self.messages: dict[int, tuple[bytes, bytes, bytes, int]] = {}
        self.last_seq = first_seq - 1
        self.used = first_seq > 1
        self.last_ns = 0

    def add(self, subject, header, payload, time_ns, seq):
        self.messages[seq] = (subject, header, payload, time_ns)
        self.last_seq, self.last_ns, self.used = seq, time_ns, True

    def use_up(self, seq, now_ns):
        if seq > self.last_seq:
            self.last_seq, self.last_ns, self.used = seq, now_ns or self.last_ns, True

    def discard(self, seqs):
        for seq in seqs:
            del self.messages[seq]

    @property
    def first_seq(self):
        return min(self.messages, default=self.last_seq + 1 if self.used else 0)

    @property
    def first_ns(self):
        return self.messages[self.first_seq][3] if self.messages else 0

    @property
    def bytes_stored(self):
        total = 0
        for subject, header, payload, _ in self.messages.values():
            total += len(subject) + len(header) + len(payload)
            total += 16 if self.memory else 34 if header else 30
        return total

    def next_seq(self, seq):
        return min((here for here in self.messages if here >= seq), default=0)

    def previous_seq(self, seq):
        return max((here for here in self.messages if here <= seq), default=0)

    def seq_since(self, time_ns):
        return min((seq for seq, row in self.messages.items() if row[3] >= time_ns), default=0)

    def matching(self, pattern):
        text = pattern.decode()
        return [s for s, row in sorted(self.messages.items()) if covers(text, row[0].decode())]

    def ends(self, subject):
        seqs = [seq for seq, row in self.messages.items() if row[0] == subject]
        return (min(seqs), max(seqs), len(seqs)) if seqs else None
