"""What subjects of a stream become: every function of a destination, the same on both servers.

In a stream's own transform, in its republishing, in those of a source and of a mirror. What is no
destination for us alone stands in `docs/reference/differences.md`.
"""

import json

import pytest

from support.both import Both
from support.waiting import wait_for

pytestmark = pytest.mark.oracle

FIT = (
    ("x.*", "y.{{partition(3,1)}}"), ("x.*", "y.{{partition(3)}}"), ("x.>", "y.{{partition(3)}}.>"),
    (">", "y.{{partition(3)}}.>"), ("", "y.{{partition(3)}}.>"), ("x.a", "y.{{partition(3)}}"),
    ("x.*", "y.{{Partition(10,1)}}.$1"), ("x.*.*", "y.{{partition(7,1,2)}}"),
    ("x.*.*", "y.{{partition(7,2)}}.$1"), ("x.*", "y.{{split(1,-)}}"), ("x.*", "y.{{split(1, -)}}"),
    ("x.*", "y.{{SplitFromLeft(1,2)}}"), ("x.*", "y.{{splitFromRight(1,2)}}"),
    ("x.*", "y.{{sliceFromLeft(1,2)}}"), ("x.*", "y.{{sliceFromRight(1,2)}}"),
    ("x.*", "y.{{left(1,2)}}"), ("x.*", "y.{{right(1,2)}}"), ("x.*", "y.{{left(1,0)}}"),
    ("x.*", "y"), ("x.*.*", "y.$2"), ("x.*", "y.$1.$1"), ("x.*.>", "y.$1.>"), ("x.*", ""),
    ("x.*", "y.{{ wildcard ( 1 ) }}"), ("x.*", "y.$0.$1"), ("", "y.$0.>"), ("x.*.>", "y.$-3.$0.>"),
    (">", "y.{{left(0,1)}}.{{partition(3,0)}}.>"), ("x.*", "y.{{splitfromleft(0,1)}}"),
)  # fmt: skip
UNFIT = (
    ("x.*", "y.{{partition(3,2)}}"), ("x.*", "y.{{bad(1)}}"), ("x.*", "y.*"), ("x.*", "y.>"),
    ("x.>", "y"), ("x.*", "y..z"), ("x.*", "y z"), ("x.*", "y.{{wildcard(2)}}"), ("x.*", "y.$2"),
    ("x.a", "y.$1"), ("x..a", "y"), ("x.*", "y.{{wildcard(1,2)}}"), ("x.*", "y.{{split(1)}}"),
    ("x.*", "y.{{wildcard}}"), ("x.*", "y.{{wildcard()}}"), ("x.*", "y.{{left(1,x)}}"),
    ("x.*", "y.{{partition(99999999999,1)}}"), ("x.*.>", "y.{{partition(3,1,2)}}.>"),
    ("x.a", "y.{{left(1,2)}}"), ("x.a", "y.$0"), ("x.a", "y.{{left(0,2)}}"),
    ("x.>", "y.{{partition(3,1)}}.>"),
)  # fmt: skip
SUBJECTS = ("x.a", "x.abcde", "x.a-b-c", "x.-", "x.--a", "x.a.b", "x.abc.d-e", "x.a.b.c", "z")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with Both(tmp_path_factory.mktemp("transforms")) as both:
        both.create("O", subjects=["x.>", "z"])
        for subject in SUBJECTS:
            both.request(subject, b"o")
        both.api("STREAM.UPDATE.O", {"name": "O", "subjects": ["z"]})
        yield both


def uses(transform):
    """Configurations in which a transform may stand."""
    yield {"subjects": ["in.>"], "subject_transform": transform}
    yield {"sources": [{"name": "O", "subject_transforms": [transform]}]}
    yield {"mirror": {"name": "O", "subject_transforms": [transform]}}
    if transform["dest"] not in {"", "y z"}:
        yield {"subjects": ["in.>"], "republish": transform}


def info(client, name, **asked):
    return json.loads(client.api(f"STREAM.INFO.{name}", asked))


def stored(both, name):
    """The subjects of a stream with the number of messages."""
    return both.each(
        lambda client: info(client, name, subjects_filter=">")["state"].get("subjects", {})
    )


def create(both, name, **config):
    """The error, or None."""
    body = {"name": name, **config}
    return both.each(
        lambda client: json.loads(client.api(f"STREAM.CREATE.{name}", body)).get("error")
    )


def test_the_same_destinations_are_accepted(both):
    for number, (src, dest) in enumerate([*FIT, *UNFIT]):
        for place, use in enumerate(uses({"src": src, "dest": dest})):
            name = f"C{number}-{place}"
            error = create(both, name, **use)
            assert (error is not None) == (number >= len(FIT)), (src, dest, error)
            if error is None:
                both.api(f"STREAM.DELETE.{name}")


def test_messages_are_stored_under_the_same_subjects(both):
    for number, (src, dest) in enumerate(FIT):
        name = f"T{number}"
        transform = {"src": src, "dest": dest}
        both.create(name, subjects=["x.>"], subject_transform=transform)
        for subject in SUBJECTS[:-1]:
            both.request(subject, b"x")
        assert sum(stored(both, name).values()) == len(SUBJECTS) - 1
        both.api(f"STREAM.DELETE.{name}")


def test_copies_are_stored_under_the_same_subjects(both):
    """But for a transform without a source: with it the original never copies anything."""
    copied = [(src, dest) for src, dest in FIT if src]
    for number, (src, dest) in enumerate(copied):
        name = f"S{number}"
        transform = {"src": src, "dest": dest}
        assert not create(both, name, sources=[{"name": "O", "subject_transforms": [transform]}])
    for number, (src, dest) in enumerate(copied):
        name = f"S{number}"
        for client in both.clients:
            wait_for(lambda client=client, name=name: caught_up(client, name))
        found = stored(both, name)
        assert found, (src, dest)
        both.api(f"STREAM.DELETE.{name}")


def caught_up(client, name):
    """True if the only source has nothing left."""
    [source] = info(client, name)["sources"]
    return source["active"] >= 0 and source["lag"] == 0


def test_what_is_published_again_has_the_same_subjects(both):
    for client in both.clients:
        client.send(b"SUB y.> 77\r\nSUB y 78\r\n")
    for number, (src, dest) in enumerate(FIT):
        if not dest or "random" in dest:
            continue
        name = f"R{number}"
        both.create(name, subjects=["x.>"], republish={"src": src, "dest": dest})

        def heard(client):
            out = []
            for subject in SUBJECTS[:-1]:
                client.publish(subject, b"x", reply="_INBOX.stored")
                while (message := client.message()).subject != "_INBOX.stored":
                    out.append(message.subject)
            return out

        assert both.each(heard), (src, dest)
        both.api(f"STREAM.DELETE.{name}")


def test_chance_is_spread_over_all_numbers(both):
    transform = {"src": "x.*", "dest": "y.{{random(3)}}"}
    both.create("CHANCE", subjects=["x.*"], subject_transform=transform)

    def spread(client):
        for _ in range(90):
            assert client.request("x.a", b"x") is not None  # unanswered ones may be stored later
        return sorted(info(client, "CHANCE", subjects_filter=">")["state"]["subjects"])

    assert both.each(spread) == ["y.0", "y.1", "y.2"]
    both.api("STREAM.DELETE.CHANCE")


def test_a_source_of_which_a_destination_has_blanks_is_known_again(both):
    """Between the words of a copy's header there are blanks, too: the original copies all again."""
    transform = {"src": "x.*", "dest": "y.{{split(1, -)}}"}
    assert not create(both, "BLANK", sources=[{"name": "O", "subject_transforms": [transform]}])
    wait_for(lambda: caught_up(both.clients[0], "BLANK"))
    before = info(both.clients[0], "BLANK")["state"]["messages"]
    both.restart()
    wait_for(lambda: caught_up(both.clients[0], "BLANK"))
    assert info(both.clients[0], "BLANK")["state"]["messages"] == before > 0
