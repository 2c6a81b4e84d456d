"""A consumer over a store against its plain model, with kills and orderly restarts in between.

Ten thousand steps in `make test`, half a million in `make soak`; `make sim SEED=…` replays a run.
"""

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from isthmus.testing.disks import MemoryDisk
from support.consumer_machine import ConsumerMachine
from support.jetstream import StoreWorld
from support.soak import examples

STEPS = 50


class StoredConsumerMachine(ConsumerMachine):
    """The same, and the process ends now and then."""

    storage = "file"

    def make_world(self):
        return DrainedWorld(MemoryDisk())

    def take_in(self, gone):
        """What went is gone at once, what is new is seen when it is durable."""
        self.model.visible_seq = self.stream.last_seq - 1
        super().take_in(gone)
        self.model.visible_seq = None
        super().take_in([])

    @rule(orderly=st.booleans())
    def restart(self, *, orderly):
        """Nobody waits any more; all that was told stays true."""
        if orderly:
            self.world.stop()
            self.client.messages()  # who waits is told of the end
        before, self.world = self.world, self.world.restarted()
        before.forget()
        self.client = self.world.client()
        self.cursor = self.world.jetstream().streams["S"].consumers["C"].cursor
        self.model.waiters.clear()
        self.world.wait_ns(0)  # what was due before is due again
        queue = self.cursor.pending.queued()
        assert sorted(queue) == sorted(self.model.queue)
        self.model.queue = queue  # the order in which they come again is not kept
        self.compare(self.client.messages())


class DrainedWorld(StoreWorld):
    """The disk is done with everything before a client reads on."""

    draining = False

    def finish(self):
        super().finish()
        if not self.draining:
            self.draining = True
            self.drain()
            self.draining = False


TestStoredConsumer = StoredConsumerMachine.TestCase
TestStoredConsumer.settings = settings(
    max_examples=examples(12_000 // STEPS, 550_000 // STEPS),  # some of them end early
    stateful_step_count=STEPS,
    deadline=None,
    phases=(Phase.generate,),  # shrinking takes minutes
)
TestStoredConsumer.pytestmark = [pytest.mark.soak]
