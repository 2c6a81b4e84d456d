from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree

def held(log: StreamLog) -> dict[int, memoryview]: ...

class Packer:
    def __init__(
        self,
        log: StreamLog,
        data: bytes | memoryview,
        *,
        first_seq: int,
        span: int,
        gone: bytes,
        left_out: set[int],
    ) -> None: ...
    @property
    def messages(self) -> int: ...
    @property
    def damage(self) -> list[tuple[int, int]]: ...
    def part(self, wanted: int) -> bytes: ...

def admit(data: bytes, at: int, log: StreamLog, tree: SubjectTree, limit: int) -> int: ...
