"""Looks at a descriptor: at once when it is ready, a bounded number of times when it is not."""

import os
import select
import threading

import pytest

from isthmus.core.glance import glance


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_an_empty_pipe_is_not_ready(pipe):
    assert not glance(pipe[0], 16)


def test_what_waits_to_be_read_is_seen_and_stays(pipe):
    os.write(pipe[1], b"x")
    assert glance(pipe[0], 1)
    assert glance(pipe[0], 1)
    assert os.read(pipe[0], 2) == b"x"


def test_no_look_sees_nothing(pipe):
    os.write(pipe[1], b"x")
    assert not glance(pipe[0], 0)


def test_an_epoll_is_ready_when_one_of_its_own_is(pipe):
    with select.epoll() as poll:
        poll.register(pipe[0], select.EPOLLIN)
        assert not glance(poll.fileno(), 4)
        os.write(pipe[1], b"x")
        assert glance(poll.fileno(), 4)


def test_a_closed_descriptor_is_left_to_who_reads_it():
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    assert glance(reader, 16)


def test_other_threads_run_python_meanwhile(pipe):
    """The writer needs the interpreter; were it held, the looks would end without a byte."""
    threading.Thread(target=os.write, args=(pipe[1], b"x")).start()
    assert glance(pipe[0], 1 << 30)
