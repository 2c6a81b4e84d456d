"""What a run of nsc is told about the outside: environment, folders, time, random bytes.

Owns nothing and decides nothing. A test hands in a fixed clock and seeded bytes; the tool hands in
those of its process. Nothing else in this package reads the environment, the clock or the zone.
"""

import os
import time
from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path

from isthmus.base.ports import Entropy
from isthmus.base.values import NS_PER_S, Value


class SystemEntropy:
    """Random bytes of the operating system."""

    def bytes(self, count: int, /) -> bytes:
        """`count` random bytes."""
        return os.urandom(count)


class Surroundings(Value):
    """The outside of one run, fixed when it starts: a run happens at one moment."""

    environ: Mapping[str, str]
    home: Path
    cwd: Path
    now_ns: int
    entropy: Entropy
    zone: tzinfo | None = None  # in which people read times; None is the system's zone

    @property
    def now_s(self) -> int:
        """Whole seconds since 1970."""
        return self.now_ns // NS_PER_S


def of_process() -> Surroundings:
    """The surroundings of this process, now."""
    return Surroundings(
        environ=os.environ,
        home=Path(os.environ.get("HOME") or Path.home()),
        cwd=Path.cwd(),
        now_ns=time.time_ns(),
        entropy=SystemEntropy(),
    )
