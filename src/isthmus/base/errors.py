"""What can go wrong, as exceptions.

    NatsError
        ProtocolError      the peer broke the rules; carries the -ERR text and whether to close
        UsageError         the caller, or the person at the keyboard, did
        AuthError          somebody is not who they say, or may not do this
        StoreError         messages at rest are damaged, or cannot be written
        JetStreamError     a row of the JetStream table: code, err_code, description

A message says what was wrong, where, and what would be right.
"""


class NatsError(Exception):
    """The root of every error this package raises on purpose."""


class ProtocolError(NatsError):
    """The peer broke the rules of the wire.

    `text` is what stands between the quotes of `-ERR '…'`, or empty when nothing is said;
    `close` tells whether the connection ends; `reason` is the monitoring name of that end.
    """

    def __init__(
        self, text: str, *, close: bool = True, reason: str = "Protocol Violation"
    ) -> None:
        super().__init__(text or reason)
        self.text = text
        self.close = close
        self.reason = reason


class UsageError(NatsError):
    """Wrong input from a person or a program: one line, and what would be right."""


class AuthError(NatsError):
    """Somebody is not who they say, or may not do this. The text is for the log, not the peer."""


class StoreError(NatsError):
    """Messages at rest are damaged, locked, or cannot be written."""


class JetStreamError(NatsError):
    """An error of the JetStream API: HTTP-like `code`, unique `err_code`, exact `description`."""

    def __init__(self, code: int, err_code: int, description: str) -> None:
        super().__init__(f"{description} ({err_code})")
        self.code = code
        self.err_code = err_code
        self.description = description
