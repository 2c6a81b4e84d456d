"""The owner of a log, whose files are kept in a dictionary."""

from isthmus.core import write_back
from isthmus.core.stream_log import StreamLog


class FilesOfLog:
    """Writes when it is told to, and records what the log says."""

    def __init__(self, block_bytes=512):
        self.files = {}  # (first_seq, generation) -> bytes
        self.dropped_files, self.damage, self.loads = [], [], []
        self.log = StreamLog(5, owner=self, epoch=7, block_bytes=block_bytes)

    def read_block(self, first_seq, generation, offset, size):
        return bytes(self.files.get((first_seq, generation), b"")[offset : offset + size])

    def loaded(self, first_seq, size):
        self.loads.append((first_seq, size))

    def rolled(self, first_seq):
        pass

    def dropped(self, first_seq, generation):
        self.dropped_files.append((first_seq, generation))

    def damaged(self, seq, first_seq, offset):
        self.damage.append((seq, first_seq, offset))

    def fill(self, count, subjects=3):
        """Append `count` messages over some subjects."""
        for number in range(count):
            self.log.add(b"s.%d" % (number % subjects), b"%06d" % number, time_ns=1 + number)
        return self

    def write(self):
        """Bring all of the log into files; which blocks that was."""
        wrote = []
        for first_seq, generation, offset, data in write_back.unwritten(self.log):
            file = self.files.setdefault((first_seq, generation), bytearray())
            file[offset:] = data
            wrote.append(first_seq)
            assert write_back.written(self.log, first_seq, generation, len(file))
        return wrote

    def evict(self):
        """Take out of memory whatever a file holds."""
        return [first for first, _, _ in write_back.files(self.log) if self.log.evict(first)]
