"""The compiled core: what runs once per message, and nothing else.

Start reading at `message.pxd`, `receiver.pxd`, `turn.pxd`, then follow `ARCHITECTURE.md`.
"""

from isthmus.freshness import require_fresh

require_fresh(__path__[0])
