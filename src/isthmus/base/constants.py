"""Limits and defaults of the protocol, each with unit and source.

Source, unless another is named: measured on nats-server 2.15.1.
"""

SERVER_VERSION = "2.15.1"  # what INFO and the tools report: the release whose behaviour this is
PROTOCOL_VERSION = 1  # INFO.proto
API_LEVEL = 5  # INFO.api_lvl and account info: level of the JetStream API

DEFAULT_PORT = 4222
MAX_CONTROL_LINE = 4096  # bytes of arguments in one control line
MAX_PAYLOAD = 1_048_576  # bytes, header block included
MAX_PENDING = 67_108_864  # bytes waiting for one connection before it is cut
MAX_CONNECTIONS = 65_536
PING_INTERVAL_NS = 120_000_000_000
PING_MAX = 2  # unanswered PINGs before a connection is stale
FIRST_PING_NS = 2_000_000_000  # after CONNECT, plus up to 20 % jitter
AUTH_TIMEOUT_NS = 2_000_000_000
WRITE_DEADLINE_NS = 10_000_000_000
SYNC_INTERVAL_NS = 120_000_000_000  # of file streams, when publishes don't wait for the sync
LAME_DUCK_DURATION_NS = 120_000_000_000
LAME_DUCK_GRACE_NS = 10_000_000_000

NONCE_BYTES = 11  # random bytes behind INFO.nonce, base64url without padding: 15 characters
RESPONSE_THRESHOLD_NS = 120_000_000_000  # life of a service response when the export names none
CACHE_LIMIT = 1000  # account JWTs that a cache resolver keeps
RESOLVER_FETCH_NS = 1_900_000_000  # wait for an account JWT that is not here
