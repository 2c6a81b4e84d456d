from collections.abc import Sequence

NAMES: tuple[str, ...]

class Substitution:
    by_chance: bool
    def __init__(
        self, name: str, wildcards: Sequence[int] = (), number: int = 0, delimiter: bytes = b""
    ) -> None: ...
