"""What the machine has for streams, where the configuration names no bound.

As nats-server: three quarters of the memory, three quarters of what the disk has free.
"""

import os
import shutil
from pathlib import Path


def memory_bytes() -> int:
    """Physical memory of the machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def free_bytes(folder: Path) -> int:
    """What may still be written to the file system of `folder`, which need not be there yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def three_quarters(size: int) -> int:
    """Three quarters, rounded down as nats-server does."""
    return size // 4 * 3
