"""The duplicate window as a dictionary."""


class DuplicatesModel:
    """Which id was stored as which sequence, and when."""

    def __init__(self, window_ns: int) -> None:
        self.window_ns = window_ns
        self.seen: dict[bytes, tuple[int, int]] = {}

    def remember(self, message_id: bytes, seq: int, now_ns: int) -> None:
        self.seen[message_id] = (seq, now_ns)

    def expire(self, now_ns: int) -> None:
        self.seen = {
            known: (seq, time_ns)
            for known, (seq, time_ns) in self.seen.items()
            if time_ns + self.window_ns > now_ns
        }

    def lookup(self, message_id: bytes, now_ns: int) -> int:
        self.expire(now_ns)
        return self.seen.get(message_id, (0, 0))[0]
