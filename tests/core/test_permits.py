from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.core.permits import PublishPermits, SubjectSet
from isthmus.core.router import publish
from models.permits import PermitsModel
from models.sublist import matches
from support.core import START_NS, MemoryConnection, World

tokens = st.sampled_from([b"a", b"b", b"*"])
patterns = st.builds(
    lambda parts, rest: b".".join([*parts, b">"] if rest else parts),
    st.lists(tokens, min_size=1, max_size=3),
    st.booleans(),
)
literals = st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1, max_size=4).map(b".".join)


@given(st.lists(patterns, max_size=6), st.lists(literals, max_size=8))
def test_a_set_matches_what_any_of_its_patterns_matches(found: list[bytes], subjects: list[bytes]):
    subject_set = SubjectSet(found)
    assert subject_set.count == len(found)
    for subject in subjects:
        assert (subject in subject_set) == any(matches(pattern, subject) for pattern in found)


def test_stars_in_a_subject_do_not_multiply_the_work():
    """Each star used to be followed twice: 2^40 ways through forty of them."""
    pattern = b".".join([b"*"] * 40)
    subject_set = SubjectSet([pattern + b".end"])
    assert pattern not in subject_set
    assert pattern + b".end" in subject_set


def test_a_subject_of_many_tokens_needs_no_deep_stack():
    pattern = b"*." * 200_000 + b"end"
    assert b"a." * 200_000 + b"end" in SubjectSet([pattern])


def test_patterns_are_text_or_bytes():
    assert b"a.b" in SubjectSet(["a.*"])
    assert b"a.b" in SubjectSet([b"a.>"])


@given(
    st.one_of(st.none(), st.lists(patterns, max_size=3)),
    st.lists(patterns, max_size=2),
    st.sampled_from([0, 1, 2, -1]),
    st.sampled_from([0, 50]),
    st.lists(st.tuples(st.booleans(), literals, st.sampled_from([0, 1, 30, 60])), max_size=30),
)
@settings(max_examples=200)
def test_permits_agree_with_the_model(allow, deny, replies_max, ttl_ns, steps):
    """Messages with a reply are delivered, and the client publishes, while time passes."""
    permits = PublishPermits(
        allow=None if allow is None else SubjectSet(allow),
        deny=SubjectSet(deny) if deny else None,
        replies_max=replies_max,
        replies_ttl_ns=ttl_ns,
    )
    model = PermitsModel(allow, deny, replies_max, ttl_ns)
    world = World()
    connection = MemoryConnection(world, permits=permits)
    connection.send(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB in 1\r\n')
    now_ns = START_NS
    for delivers, subject, step_ns in steps:
        now_ns += step_ns
        world.now_ns = now_ns
        if delivers:
            publish(world.account(), b"in", b"", world.begin(), reply=subject)
            if replies_max:
                model.delivered(subject, now_ns)
        else:
            assert permits.may_publish(subject, now_ns) == model.may_publish(subject, now_ns)


def test_a_violation_is_told_and_the_message_dropped():
    world = World()
    connection = MemoryConnection(world, permits=PublishPermits(deny=SubjectSet([b"no"])))
    connection.send(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB > 1\r\n')
    heard = connection.say(b"PUB no 1", b"x", b"PUB yes 1", b"y")
    assert heard == b"-ERR 'Permissions Violation for Publish to \"no\"'\r\nMSG yes 1 1\r\ny\r\n"


def test_verdicts_and_grants_are_bounded():
    world = World()
    permits = PublishPermits(allow=SubjectSet([b"a.>"]), replies_max=1, replies_ttl_ns=2**63 - 1)
    connection = MemoryConnection(world, permits=permits)
    connection.send(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB in 1\r\n')
    turn = world.begin()
    for number in range(5000):
        assert permits.may_publish(b"a.%d" % number, START_NS)
        publish(world.account(), b"in", b"", turn, reply=b"r.%d" % number)
    assert permits.verdict_count <= 1024
    assert permits.grant_count <= 4096
    assert not permits.may_publish(b"r.0", START_NS)  # the oldest was dropped
    assert permits.may_publish(b"r.4999", START_NS + 10**15)  # a time to live without end
    assert not permits.may_publish(b"r.4999", START_NS)
