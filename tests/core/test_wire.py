from pathlib import Path

import pytest

from support.wire import Player, Transcript
from support.wire_core import CoreTarget

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "wire").glob("*.wire"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_core_keeps_the_transcript(path: Path):
    transcript = Transcript(path)
    Player(transcript, CoreTarget(transcript)).play()


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("A> SUB a 1\nA> PUB a 0\nA> \n", "A got .* too"),
        ("A> PING\nA< PONG\nA< PONG\n", "A got nothing instead of 'PONG'"),
        ("A> PING\nA< +OK\n", "A got b'PONG'"),
        ("A> PING\nA< PONG\nA! closed\n", "A is still open"),
        ("A> PING\nB> PING\n?< PONG\n", "got something"),
    ],
)
def test_a_transcript_that_does_not_hold_fails(tmp_path: Path, lines: str, complaint: str):
    path = tmp_path / "broken.wire"
    path.write_text(lines)
    transcript = Transcript(path)
    with pytest.raises(AssertionError, match=complaint):
        Player(transcript, CoreTarget(transcript)).play()


def test_a_held_word_must_come_again(tmp_path: Path):
    path = tmp_path / "words.wire"
    path.write_text(
        "A> SUB a 1\nA> PUB a x 0\nA> \nA< MSG a 1 <reply> 0\nA< \n"
        "A> PUB a y 0\nA> \nA< MSG a 1 <reply> 0\nA< \n"
    )
    transcript = Transcript(path)
    with pytest.raises(AssertionError, match="A got b'MSG a 1 y 0'"):
        Player(transcript, CoreTarget(transcript)).play()
