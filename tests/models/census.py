"""What a Census counts: messages of a list whose subject matches one of some patterns."""

from isthmus.base.subjects import covers


def count(messages, patterns, seq):
    """Of `messages`, pairs of sequence and subject, those from `seq` on that a pattern matches."""
    texts = [pattern.decode("latin-1") for pattern in patterns]
    return sum(
        any(covers(text, subject.decode("latin-1")) for text in texts)
        for number, subject in messages
        if number >= seq
    )
