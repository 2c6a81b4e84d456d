from typing import TypeAlias

from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree

BlockRow: TypeAlias = tuple[int, int, int, int, int, int, bytes]

def make_table(log: StreamLog) -> bytes: ...
def block_rows(table: bytes) -> list[BlockRow]: ...
def restore_block(
    log: StreamLog, row: BlockRow, data: bytes, tree: SubjectTree
) -> list[tuple[int, int]]: ...
