"""What a subject is: validity, tokens, wildcards, and how two of them relate.

Text at the edges is `str`; the compiled core works on bytes with the same rules
(measured on nats-server 2.15.1). Knows nothing of accounts or subscriptions.

    a.b.c      literal
    a.*.c      `*` stands for exactly one token, only as a whole token
    a.>        `>` stands for one or more tokens, only as the last token
"""

from collections.abc import Sequence

_BLANKS = frozenset(" \t\r\n\f")
TOKENS_MAX = 4096  # a control line of usual size holds half as many; what walks them may recurse


def valid(subject: str) -> bool:
    """True if `subject` may be subscribed to: no empty token, no blank, `>` only at the end."""
    if not subject or not _BLANKS.isdisjoint(subject) or subject.count(".") >= TOKENS_MAX:
        return False
    tokens = subject.split(".")
    return all(tokens) and ">" not in tokens[:-1]


def literal(subject: str) -> bool:
    """True if `subject` has no wildcard token (`foo*` and `a.b>` are literals)."""
    return not any(token in {"*", ">"} for token in subject.split("."))


def valid_literal(subject: str) -> bool:
    """True if `subject` may be published to."""
    return valid(subject) and literal(subject)


def covers(broad: str, narrow: str) -> bool:
    """True if every subject that matches `narrow` also matches `broad`; both may be patterns."""
    broad_tokens = broad.split(".")
    narrow_tokens = narrow.split(".")
    for position, token in enumerate(broad_tokens):
        if position >= len(narrow_tokens):
            return False
        if token == ">":
            return True
        other = narrow_tokens[position]
        if other == ">" or token not in {"*", other}:
            return False
    return len(broad_tokens) == len(narrow_tokens)


def collide(left: str, right: str) -> bool:
    """True if some subject matches both."""
    left_tokens, right_tokens = left.split("."), right.split(".")
    for one, other in zip(left_tokens, right_tokens, strict=False):
        if ">" in (one, other):
            return True
        if one != other and "*" not in (one, other):
            return False
    return len(left_tokens) == len(right_tokens)


def wildcard_count(subject: str) -> int:
    """Number of `*` and `>` tokens."""
    return sum(token in {"*", ">"} for token in subject.split("."))


def wildcard_values(pattern: str, subject: str) -> Sequence[str]:
    """What each wildcard of `pattern` stands for in the literal `subject`, which must match it."""
    assert covers(pattern, subject), (pattern, subject)
    values = []
    tokens = subject.split(".")
    for position, token in enumerate(pattern.split(".")):
        if token == "*":
            values.append(tokens[position])
        elif token == ">":
            values.append(".".join(tokens[position:]))
    return values
