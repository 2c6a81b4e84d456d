"""What follows on a subject, against a dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.succession import Succession

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 400), st.integers(1, 50)),
        st.tuples(st.just("pop"), st.integers(1, 400), st.just(0)),
        st.tuples(st.just("drop"), st.integers(1, 400), st.just(0)),
    ),
    max_size=300,
)


@given(STEPS)
def test_it_is_a_dictionary(steps):
    ours, model = Succession(), {}
    for what, seq, more in steps:
        if what == "add":
            ours.add(seq, seq + more)
            model[seq] = seq + more
        elif what == "pop":
            assert ours.pop(seq) == model.pop(seq, 0)
        else:
            ours.drop_below(seq)
            model = {key: value for key, value in model.items() if key >= seq}
        assert ours.count == len(model)
    for seq, following in model.items():
        assert ours.pop(seq) == following


def test_many_come_and_go_without_growing():
    ours = Succession()
    for seq in range(1, 100_000):
        ours.add(seq, seq + 7)
        if seq > 10:
            assert ours.pop(seq - 10) == seq - 3
    assert ours.count == 10
