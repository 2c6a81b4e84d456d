"""One grant as one object: what it needs, whether it is complete, why it does not work."""

from isthmus.sharing.finding import CODES, HOPS, Explanation, Finding, Hop, by_hop
from isthmus.sharing.refused import refused

__all__ = [
    "CODES",
    "HOPS",
    "Explanation",
    "Finding",
    "Hop",
    "by_hop",
    "refused",
]
