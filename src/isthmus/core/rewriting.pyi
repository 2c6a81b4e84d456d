from collections.abc import Sequence

from isthmus.core.substitution import Substitution

class Rewriting:
    def __init__(self, pattern: bytes, parts: Sequence[bytes | int | Substitution]) -> None: ...
