"""Ten faults that have nothing to do with each other, and all pairs of them."""

import itertools

from sharing.catalogue.fault import Fault
from sharing.catalogue.faults import FAULTS
from sharing.catalogue.pulled import BY_SHARE

ASK = BY_SHARE
NAMES = (
    "pulling-denied",
    "token-expired",
    "one-answer-only",
    "ack-renamed",
    "jetstream-off",
    "user-expired",
    "giver-expired",
    "too-many-imports",
    "too-many-exports",
    "next-revoked-for-all",
)
COMBINABLE: dict[str, Fault] = {name: FAULTS[name] for name in NAMES}
PAIRS = tuple(itertools.combinations(NAMES, 2))
