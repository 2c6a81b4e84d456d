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

def last_seq(log: StreamLog, tree: SubjectTree, pattern: bytes) -> int: ...
def next_seq(log: StreamLog, tree: SubjectTree, pattern: bytes, seq: int) -> int: ...
def last_up_to(log: StreamLog, tree: SubjectTree, subject: bytes, up_to: int) -> int: ...
