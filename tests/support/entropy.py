"""Random bytes that are the same in every run."""

import hashlib


class SeededEntropy:
    """An `Entropy` whose bytes follow from `seed` alone."""

    def __init__(self, seed: str = "seed") -> None:
        self.seed = seed
        self.calls = 0

    def bytes(self, count: int, /) -> bytes:
        self.calls += 1
        return hashlib.shake_256(f"{self.seed}:{self.calls}".encode()).digest(count)


class FixedEntropy:
    """An `Entropy` that gives exactly `data`, once."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def bytes(self, count: int, /) -> bytes:
        assert count == len(self.data)
        return self.data
