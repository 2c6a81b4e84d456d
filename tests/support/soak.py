"""How much a randomised test does: little in `make test`, a lot in `make soak`.

    TestTree.settings = settings(max_examples=examples(60), …)
    pytestmark = pytest.mark.soak      # make soak runs what is marked so, make sim replays it

Both print the seed; `make sim SEED=…` makes the same choices again.
"""

import os

SOAK = os.environ.get("SOAK") == "1"
FACTOR = 50


def examples(in_test: int, in_soak: int | None = None) -> int:
    """`in_test`, or in a soak `in_soak` (fifty times as many if not said)."""
    if not SOAK:
        return in_test
    return in_test * FACTOR if in_soak is None else in_soak
