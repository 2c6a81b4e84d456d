"""One service import as dictionaries: who may cross, as which subject, and which answers pass."""

SINGLETON = 0


def rewrite(local: bytes, parts: list[bytes | int] | None, subject: bytes) -> bytes:
    """The remote subject for `subject`, which matches `local`."""
    if parts is None:
        return subject
    values, tokens = [], subject.split(b".")
    for at, token in enumerate(local.split(b".")):
        if token == b"*":
            values.append(tokens[at])
        elif token == b">":
            values.append(b".".join(tokens[at:]))
    return b"".join(part if isinstance(part, bytes) else values[part] for part in parts)


class CrossingModel:
    """A grant with answers under way: `answers` maps a key to [reply, last use in ns]."""

    def __init__(self, response_type: int, threshold_ns: int) -> None:
        self.response_type = response_type
        self.threshold_ns = threshold_ns
        self.alive = False
        self.ends_ns = 0
        self.listening: set[bytes] = set()  # replies that somebody in the importer hears
        self.answers: dict[object, list] = {}

    def open_at(self, now_ns: int) -> bool:
        return self.alive and (self.ends_ns == 0 or now_ns < self.ends_ns)

    def close(self) -> None:
        self.alive = False
        self.answers.clear()

    def stop_listening(self, reply: bytes) -> None:
        """The last one who heard `reply` is gone: answers to it are not waited for any more."""
        if reply in self.listening:
            self.listening.discard(reply)
            self.answers = {key: one for key, one in self.answers.items() if one[0] != reply}

    def request(self, key: object, reply: bytes, now_ns: int) -> bool:
        """True if it crosses; a reply then waits under `key`."""
        if not self.open_at(now_ns):
            return False
        if reply:
            self.answers[key] = [reply, now_ns]
        return True

    def answer(self, key: object, *, empty: bool, now_ns: int) -> bytes | None:
        """The requester's reply subject if the answer passes."""
        if key not in self.answers or not self.open_at(now_ns):
            return None
        reply, _ = self.answers[key]
        self.answers[key][1] = now_ns
        heard = reply in self.listening
        if not heard or empty or self.response_type == SINGLETON:
            del self.answers[key]
        return reply if heard else None

    def expire(self, now_ns: int) -> None:
        for key, (_, used_ns) in list(self.answers.items()):
            if now_ns - used_ns >= self.threshold_ns:
                del self.answers[key]
