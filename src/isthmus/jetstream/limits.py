"""What the server and the account allow a stream or consumer to be, and what is already taken.

Values only: the owner of an account's JetStream makes them from its configuration and its streams.
-1 (account) or 0 (server) means without limit.
"""

from isthmus.base.values import Value

DEFAULT_MAX_CONSUMERS = 1000  # per stream that names no limit of its own


class ServerLimits(Value):
    """`jetstream { limits }` of the server's configuration."""

    duplicate_window_ns: int = 0
    max_ack_pending: int = 0
    max_request_batch: int = 0
    default_max_consumers: int = DEFAULT_MAX_CONSUMERS


class AccountLimits(Value):
    """What one account may use: the `limits` document of `$JS.API.INFO`."""

    max_memory: int = -1
    max_storage: int = -1
    max_streams: int = -1
    max_consumers: int = -1  # per stream
    max_ack_pending: int = -1
    memory_max_stream_bytes: int = -1
    storage_max_stream_bytes: int = -1
    max_bytes_required: bool = False


# Shown where limits are told for each tier.
ZERO = AccountLimits(
    max_memory=0,
    max_storage=0,
    max_streams=0,
    max_consumers=0,
    max_ack_pending=0,
    memory_max_stream_bytes=0,
    storage_max_stream_bytes=0,
)


class AccountUsage(Value):
    """What the streams of an account take, without the one in question: number, max_bytes."""

    streams: int = 0
    reserved_memory: int = 0
    reserved_storage: int = 0
