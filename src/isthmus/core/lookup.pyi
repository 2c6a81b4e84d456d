from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree

class Search:
    def __init__(
        self,
        log: StreamLog,
        tree: SubjectTree,
        pattern: bytes,
        *,
        seq: int = 0,
        last: bool = False,
    ) -> None: ...
    @property
    def found(self) -> int: ...
    def step(self, limit: int = 8192) -> bool: ...

class SearchBack:
    def __init__(
        self,
        log: StreamLog,
        tree: SubjectTree,
        pattern: bytes,
        seq: int,
        *,
        count: int = 1,
    ) -> None: ...
    @property
    def looked(self) -> int: ...
    @property
    def found(self) -> int: ...
    def step(self, limit: int = 8192) -> bool: ...

def last_seq(log: StreamLog, tree: SubjectTree, pattern: bytes) -> int: ...
def next_seq(log: StreamLog, tree: SubjectTree, pattern: bytes, seq: int) -> int: ...
def last_of_each(
    log: StreamLog, tree: SubjectTree, pattern: bytes, after: bytes = b"", limit: int = ...
) -> tuple[list[int], bytes]: ...
