"""An account's mapping and the one buffer in which a mapped publication travels."""

import pytest

from isthmus.accounts.mappings import make_mapping
from isthmus.accounts.pace import Pace
from isthmus.accounts.spec import MappedTo, SubjectMapping
from isthmus.base.slices import at_once
from isthmus.core.pull_inlet import PullInlet
from support.jetstream import StreamWorld


class Nesting:
    """Publishes for another client while a message is on its way to its receivers."""

    def __init__(self, connection):
        self.connection = connection

    def pull_form(self, payload, header):
        self.connection.parser.feed(b"PUB a 1\r\nx\r\n", self.connection.world.turn)
        return b"", 1, 1, 0, 0, 0, True, None


def test_a_publication_inside_another_is_refused():
    world = StreamWorld()
    client, other = world.client(), world.connect()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "storage": "memory"})
    config = {"stream_name": "S", "config": {"durable_name": "C", "ack_policy": "explicit"}}
    client.api("CONSUMER.CREATE.S.C", config)
    cursor = world.jetstream().streams["S"].consumers["C"].cursor
    inlet = PullInlet(cursor, Nesting(other))
    inlet.subscribe([b"ask"])
    wanted = [SubjectMapping(subject="a", to=(MappedTo(subject="b", weight=100),))]
    world.account().mapping = at_once(make_mapping(wanted, Pace()))
    with pytest.raises(AssertionError, match="a publication inside another"):
        client.connection.say(b"PUB ask _INBOX.1 0", b"")
    assert world.account().sublist.depth == 0
    inlet.subscribe([])
    listener = world.connect()
    listener.say(b"SUB b 1")
    other.say(b"PUB a 1", b"x")
    assert listener.heard() == b"MSG b 1 1\r\nx\r\n"
