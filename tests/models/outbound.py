"""What waits for one connection, as two byte strings and a flag."""


class OutboundModel:
    """`pending_max` bytes may wait; what comes over it cuts the connection off, once."""

    def __init__(self, pending_max: int) -> None:
        self.pending_max = pending_max
        self.accepted = b""  # everything ever accepted, in order
        self.gone = 0  # so many of them have left
        self.overflows = 0

    @property
    def pending(self) -> int:
        return len(self.accepted) - self.gone

    def write(self, data: bytes) -> None:
        if self.overflows:
            return
        if self.pending + len(data) > self.pending_max:
            self.overflows = 1
        else:
            self.accepted += data
