from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree

def ends(log: StreamLog, tree: SubjectTree, subject: bytes) -> tuple[int, int, int] | None: ...
