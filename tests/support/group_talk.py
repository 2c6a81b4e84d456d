"""A loop and a worker at one `GroupWriter`, in two threads, over one file; `python group_talk.py`.

Each group is SIZE bytes of its own behind those before it, and what may rest says in eight bytes at
MARK_AT how many of them are there. Arguments: the file, how many groups, a seed. Prints a line for
each group: its number and errno.
"""

import errno
import os
import random
import select
import sys
import threading

from isthmus.core.group_writer import GroupWriter

SIZE = 20
MARK_AT = 1 << 16


def content(number: int) -> bytes:
    """Of the group that is the `number`th thing put, from 1."""
    return bytes([number % 251 + 1]) * SIZE


class Talk:
    """Puts groups and calls; `outcomes` is what came of each, by its number."""

    def __init__(self, path: str, chance: random.Random) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.bell = os.eventfd(0, os.EFD_NONBLOCK)
        self.writer = GroupWriter(self.bell)
        self.outcomes: dict[int, int] = {}
        self._groups: set[int] = set()  # put, and nobody has asked what came of them
        self._last = 0
        self._chance = chance
        self._worker = threading.Thread(target=self._work)
        self._worker.start()

    def group(self) -> None:
        """One more, as soon as there is room for it."""
        while not self._put_group():
            self._hear()

    def call(self) -> None:
        """Something for Python, which writes as a group does."""
        self._last = self.writer.put_call()

    def wait(self) -> None:
        """Until everything that was put is finished."""
        while self.writer.finished < self._last:
            self._hear()
        self._ask()

    def end(self) -> None:
        """And no more."""
        self.wait()
        self.writer.put_end()
        self._worker.join()
        self._ask()
        os.close(self.fd)
        os.close(self.bell)

    def _put_group(self) -> bool:
        number = self._last + 1
        at, data = self._last * SIZE, content(number)
        cut = self._chance.randrange(SIZE)
        pieces = [(self.fd, at, data[:cut]), (self.fd, at + cut, memoryview(data)[cut:])]
        mark = (self.fd, MARK_AT, number.to_bytes(8, "little"))
        put = self.writer.put(pieces, [self.fd], mark)
        if put == 0:
            return False
        assert put == number
        self._last = number
        self._groups.add(number)
        return True

    def _hear(self) -> None:
        assert select.select([self.bell], [], [], 30)[0], "the worker rings no more"
        os.eventfd_read(self.bell)
        self._ask()

    def _ask(self) -> None:
        for number in [one for one in self._groups if one <= self.writer.finished]:
            self._groups.discard(number)
            self.outcomes[number], _ = self.writer.outcome(number)

    def _work(self) -> None:
        while self.writer.run():
            problem = 0
            if not self.writer.failure:
                number = self.writer.finished + 1
                problem = self._write(content(number), (number - 1) * SIZE)
            self.writer.called()
            if problem:
                self.writer.fail(problem)

    def _write(self, data: bytes, at: int) -> int:
        """In Python; the errno, or 0."""
        try:
            while data:
                taken = os.pwrite(self.fd, data, at)
                data, at = data[taken:], at + taken
            os.fdatasync(self.fd)
        except OSError as error:
            return error.errno or errno.EIO
        return 0


def main() -> None:
    """See above."""
    chance = random.Random(int(sys.argv[3]))
    talk = Talk(sys.argv[1], chance)
    for _ in range(int(sys.argv[2])):
        chance.choice([talk.group, talk.group, talk.call, talk.wait])()
    talk.end()
    for number, error in sorted(talk.outcomes.items()):
        print(number, error)


if __name__ == "__main__":
    main()
