"""A consumer of a stream in memory against its plain model (`support/consumer_machine.py`)."""

import pytest
from hypothesis import Phase, settings

from support.consumer_machine import ConsumerMachine
from support.soak import SOAK, examples

TestConsumer = ConsumerMachine.TestCase
TestConsumer.settings = settings(
    max_examples=examples(60),
    stateful_step_count=40,
    deadline=None,
    # the model is not exact where a limit removes what is pending: always the same choices
    derandomize=not SOAK,
    phases=(Phase.generate,),  # shrinking takes minutes
)
TestConsumer.pytestmark = [pytest.mark.soak]
