from isthmus.core.rewriting import Rewriting

class Republisher:
    def __init__(
        self, stream: bytes, pattern: bytes, rewriting: Rewriting, headers_only: bool
    ) -> None: ...
