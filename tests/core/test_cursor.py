"""A consumer of a stream in memory against its plain model (`support/consumer_machine.py`)."""

import pytest
from hypothesis import Phase, settings

from support.consumer_machine import ConsumerMachine
from support.soak import examples

TestConsumer = ConsumerMachine.TestCase
TestConsumer.settings = settings(
    max_examples=examples(60),
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.generate,),  # shrinking takes minutes
)
TestConsumer.pytestmark = [pytest.mark.soak]
