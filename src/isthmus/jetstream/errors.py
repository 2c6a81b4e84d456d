"""The JetStream error table: one row each, and the error made from a row.

`err_code` is what programs look at; `description` is exact, with the placeholders of its template
filled in. Rows whose template is only `{err}` wrap a text from elsewhere. Knows no request and no
response: who raises decides which row, who answers turns the error into an `ApiError`.

    errors.make(errors.STREAM_NOT_FOUND)
    errors.make(errors.STREAM_INVALID_CONFIG, err="invalid subject")
"""

from typing import NamedTuple

from isthmus.base.errors import JetStreamError
from isthmus.base.values import Value


class Row(NamedTuple):
    """One kind of error: HTTP-like `code`, unique `err_code`, `template` of the description."""

    code: int
    err_code: int
    template: str


class ApiError(Value):
    """The `error` member of a response."""

    code: int
    err_code: int
    description: str


def make(row: Row, **placeholders: str | int) -> JetStreamError:
    """The error of `row`, its placeholders filled in; a missing one is a bug."""
    return JetStreamError(row.code, row.err_code, row.template.format(**placeholders))


def to_api_error(error: JetStreamError) -> ApiError:
    """What a response says of `error`."""
    return ApiError(code=error.code, err_code=error.err_code, description=error.description)


ACCOUNT_RESOURCES_EXCEEDED = Row(400, 10002, "resource limits exceeded for account")
BAD_REQUEST = Row(400, 10003, "bad request")
INCOMPLETE_RESULTS = Row(503, 10004, "incomplete results")
PLACEMENT_FAILED = Row(400, 10005, "{err}")
NOT_CLUSTERED = Row(500, 10006, "JetStream not in clustered mode")
NOT_ASSIGNED = Row(500, 10007, "JetStream cluster not assigned to this server")
UNAVAILABLE = Row(503, 10008, "JetStream system temporarily unavailable")
CLUSTER_CANNOT_HANDLE = Row(500, 10009, "JetStream cluster can not handle request")
CLUSTERING_REQUIRED = Row(503, 10010, "JetStream clustering support required")
PLACEMENT_TAGS_UNSUPPORTED = Row(400, 10011, "tags placement not supported for operation")
CONSUMER_CREATE_FAILED = Row(500, 10012, "{err}")
CONSUMER_NAME_IN_USE = Row(400, 10013, "consumer name already in use")
CONSUMER_NOT_FOUND = Row(404, 10014, "consumer not found")
SNAPSHOT_DELIVER_SUBJECT_INVALID = Row(400, 10015, "deliver subject not valid")
DURABLE_NOT_IN_SUBJECT = Row(
    400, 10016, "consumer expected to be durable but no durable name set in subject"
)
DURABLE_DOES_NOT_MATCH_SUBJECT = Row(
    400, 10017, "consumer name in subject does not match durable name in request"
)
DURABLE_NAME_MISSING = Row(
    400, 10018, "consumer expected to be durable but a durable name was not set"
)
EPHEMERAL_WITH_DURABLE_SUBJECT = Row(
    400, 10019, "consumer expected to be ephemeral but detected a durable name set in subject"
)
EPHEMERAL_WITH_DURABLE_NAME = Row(
    400, 10020, "consumer expected to be ephemeral but a durable name was set in request"
)
EXTERNAL_API_OVERLAPS = Row(
    400, 10021, "stream external api prefix {prefix} must not overlap with {subject}"
)
EXTERNAL_DELIVERY_OVERLAPS = Row(
    400, 10022, "stream external delivery prefix {prefix} overlaps with stream subject {subject}"
)
INSUFFICIENT_RESOURCES = Row(503, 10023, "insufficient resources")
EXTERNAL_DELIVERY_WILDCARD = Row(
    400, 10024, "stream external delivery prefix {prefix} must not contain wildcards"
)
INVALID_JSON = Row(400, 10025, "invalid JSON: {err}")
MAXIMUM_CONSUMERS = Row(400, 10026, "maximum consumers limit reached")
MAXIMUM_STREAMS = Row(400, 10027, "maximum number of streams reached")
MEMORY_INSUFFICIENT = Row(500, 10028, "insufficient memory resources available")
MIRROR_CONSUMER_FAILED = Row(500, 10029, "{err}")
MIRROR_MAX_MSG_SIZE_TOO_SMALL = Row(
    400, 10030, "stream mirror must have max message size >= source"
)
MIRROR_WITH_SOURCES = Row(400, 10031, "stream mirrors can not also contain other sources")
MIRROR_WITH_START_SEQ_AND_TIME = Row(
    400, 10032, "stream mirrors can not have both start seq and start time configured"
)
MIRROR_WITH_FILTERS = Row(400, 10033, "stream mirrors can not contain filtered subjects")
MIRROR_WITH_SUBJECTS = Row(400, 10034, "stream mirrors can not contain subjects")
ACCOUNT_NOT_FOUND = Row(503, 10035, "account not found")
CLUSTERED_UNSUPPORTED = Row(503, 10036, "not currently supported in clustered mode")
MESSAGE_NOT_FOUND = Row(404, 10037, "no message found")
NOT_EMPTY_REQUEST = Row(400, 10038, "expected an empty request payload")
NOT_ENABLED_FOR_ACCOUNT = Row(503, 10039, "JetStream not enabled for account")
PEER_NOT_MEMBER = Row(400, 10040, "peer not a member")
RAFT_FAILED = Row(500, 10041, "{err}")
RESTORE_SUBSCRIBE_FAILED = Row(
    500, 10042, "JetStream unable to subscribe to restore snapshot {subject}: {err}"
)
SEQUENCE_NOT_FOUND = Row(400, 10043, "sequence {seq} not found")
SERVER_NOT_MEMBER = Row(400, 10044, "server is not a member of the cluster")
SOURCE_CONSUMER_FAILED = Row(500, 10045, "{err}")
SOURCE_MAX_MSG_SIZE_TOO_SMALL = Row(
    400, 10046, "stream source must have max message size >= target"
)
STORAGE_INSUFFICIENT = Row(500, 10047, "insufficient storage resources available")
STREAM_ASSIGNMENT_FAILED = Row(500, 10048, "{err}")
STREAM_CREATE_FAILED = Row(500, 10049, "{err}")
STREAM_DELETE_FAILED = Row(500, 10050, "{err}")
STREAM_FAILED = Row(500, 10051, "{err}")
STREAM_INVALID_CONFIG = Row(500, 10052, "{err}")
STREAM_LIMITS_FAILED = Row(500, 10053, "{err}")
MESSAGE_TOO_LARGE = Row(400, 10054, "message size exceeds maximum allowed")
MIRROR_NOT_UPDATABLE = Row(400, 10055, "stream mirror configuration can not be updated")
STREAM_DOES_NOT_MATCH_SUBJECT = Row(400, 10056, "stream name in subject does not match request")
MESSAGE_DELETE_FAILED = Row(500, 10057, "{err}")
STREAM_NAME_IN_USE = Row(400, 10058, "stream name already in use with a different configuration")
STREAM_NOT_FOUND = Row(404, 10059, "stream not found")
STREAM_NOT_EXPECTED = Row(400, 10060, "expected stream does not match")
REPLICAS_NOT_UPDATABLE = Row(400, 10061, "Replicas configuration can not be updated")
RESTORE_FAILED = Row(500, 10062, "restore failed: {err}")
SEQUENCE_NOT_EXPECTED = Row(503, 10063, "expected stream sequence does not match")
SNAPSHOT_FAILED = Row(500, 10064, "snapshot failed: {err}")
SUBJECTS_OVERLAP = Row(400, 10065, "subjects overlap with an existing stream")
TEMPLATE_CREATE_FAILED = Row(500, 10066, "{err}")
TEMPLATE_DELETE_FAILED = Row(500, 10067, "{err}")
TEMPLATE_NOT_FOUND = Row(404, 10068, "template not found")
STREAM_UPDATE_FAILED = Row(500, 10069, "{err}")
WRONG_LAST_MSG_ID = Row(400, 10070, "wrong last msg ID: {id}")
WRONG_LAST_SEQUENCE = Row(400, 10071, "wrong last sequence: {seq}")
TEMP_STORAGE_FAILED = Row(500, 10072, "JetStream unable to open temp storage for restore")
TEMPLATE_DOES_NOT_MATCH_SUBJECT = Row(400, 10073, "template name in subject does not match request")
REPLICAS_NOT_SUPPORTED = Row(500, 10074, "replicas > 1 not supported in non-clustered mode")
PEER_REMAP_FAILED = Row(503, 10075, "peer remap failed")
NOT_ENABLED = Row(503, 10076, "JetStream not enabled")
STREAM_STORE_FAILED = Row(503, 10077, "{err}")
CONSUMER_CONFIG_MISSING = Row(400, 10078, "consumer config required")
CONSUMER_DELIVER_WILDCARD = Row(400, 10079, "consumer deliver subject has wildcards")
PUSH_WITH_MAX_WAITING = Row(400, 10080, "consumer in push mode can not set max waiting")
CONSUMER_DELIVER_CYCLE = Row(400, 10081, "consumer deliver subject forms a cycle")
MAX_ACK_PENDING_WITHOUT_ACK = Row(400, 10082, "consumer requires ack policy for max ack pending")
HEARTBEAT_TOO_SMALL = Row(400, 10083, "consumer idle heartbeat needs to be >= 100ms")
PULL_ON_WORKQUEUE_NOT_EXPLICIT = Row(
    400, 10084, "consumer in pull mode requires explicit ack policy on workqueue stream"
)
PULL_WITHOUT_DURABLE = Row(400, 10085, "consumer in pull mode requires a durable name")
PULL_WITH_RATE_LIMIT = Row(400, 10086, "consumer in pull mode can not have rate limit set")
MAX_WAITING_NEGATIVE = Row(400, 10087, "consumer max waiting needs to be positive")
HEARTBEAT_WITHOUT_PUSH = Row(400, 10088, "consumer idle heartbeat requires a push based consumer")
FLOW_CONTROL_WITHOUT_PUSH = Row(400, 10089, "consumer flow control requires a push based consumer")
DIRECT_WITHOUT_PUSH = Row(400, 10090, "consumer direct requires a push based consumer")
DIRECT_NOT_EPHEMERAL = Row(400, 10091, "consumer direct requires an ephemeral consumer")
DIRECT_ON_MAPPED = Row(400, 10092, "consumer direct on a mapped consumer")
FILTER_NOT_SUBSET = Row(
    400, 10093, "consumer filter subject is not a valid subset of the interest subjects"
)
CONSUMER_INVALID_POLICY = Row(400, 10094, "{err}")
CONSUMER_INVALID_SAMPLING = Row(
    400, 10095, "failed to parse consumer sampling configuration: {err}"
)
STREAM_INVALID = Row(500, 10096, "stream not valid")
HEADERS_TOO_LARGE = Row(400, 10097, "header size exceeds maximum allowed of 64k")
WORKQUEUE_NOT_EXPLICIT = Row(400, 10098, "workqueue stream requires explicit ack")
WORKQUEUE_CONSUMER_NOT_FILTERED = Row(
    400, 10099, "multiple non-filtered consumers not allowed on workqueue stream"
)
WORKQUEUE_FILTER_NOT_UNIQUE = Row(400, 10100, "filtered consumer not unique on workqueue stream")
WORKQUEUE_NOT_DELIVER_ALL = Row(400, 10101, "consumer must be deliver all on workqueue stream")
CONSUMER_NAME_TOO_LONG = Row(400, 10102, "consumer name is too long, maximum allowed is {max}")
DURABLE_NAME_INVALID = Row(400, 10103, "durable name can not contain '.', '*', '>'")
CONSUMER_STORE_FAILED = Row(500, 10104, "error creating store for consumer: {err}")
CONSUMER_STILL_ACTIVE = Row(400, 10105, "consumer already exists and is still active")
CONSUMER_REPLACEMENT_DIFFERS = Row(400, 10106, "consumer replacement durable config not the same")
CONSUMER_DESCRIPTION_TOO_LONG = Row(
    400, 10107, "consumer description is too long, maximum allowed is {max}"
)
FLOW_CONTROL_WITHOUT_HEARTBEAT = Row(400, 10108, "consumer with flow control also needs heartbeats")
STREAM_SEALED = Row(400, 10109, "invalid operation on sealed stream")
STREAM_PURGE_FAILED = Row(500, 10110, "{err}")
STREAM_ROLLUP_FAILED = Row(500, 10111, "{err}")
DELIVER_SUBJECT_INVALID = Row(400, 10112, "invalid push consumer deliver subject")
MAX_BYTES_REQUIRED = Row(400, 10113, "account requires a stream config to have max bytes set")
MAX_BATCH_NEGATIVE = Row(400, 10114, "consumer max request batch needs to be > 0")
MAX_EXPIRES_TOO_SMALL = Row(400, 10115, "consumer max request expires needs to be >= 1ms")
MAX_DELIVER_BELOW_BACKOFF = Row(
    400, 10116, "max deliver is required to be > length of backoff values"
)
SUBJECT_DETAILS_EXCEEDED = Row(500, 10117, "subject details would exceed maximum allowed")
STREAM_OFFLINE = Row(500, 10118, "stream is offline")
CONSUMER_OFFLINE = Row(500, 10119, "consumer is offline")
NO_LIMITS = Row(400, 10120, "no JetStream default or applicable tiered limit present")
MAX_ACK_PENDING_EXCEEDED = Row(
    400, 10121, "consumer max ack pending exceeds system limit of {limit}"
)
MAX_STREAM_BYTES_EXCEEDED = Row(
    400, 10122, "stream max bytes exceeds account limit max stream bytes"
)
MOVE_AND_SCALE = Row(400, 10123, "can not move and scale a stream in a single update")
MOVE_IN_PROGRESS = Row(400, 10124, "stream move already in progress")
MAX_BATCH_EXCEEDED = Row(400, 10125, "consumer max request batch exceeds server limit of {limit}")
CONSUMER_REPLICAS_EXCEED_STREAM = Row(
    400, 10126, "consumer config replica count exceeds parent stream"
)
CONSUMER_NAME_PATH_SEPARATOR = Row(400, 10127, "Consumer name can not contain path separators")
STREAM_NAME_PATH_SEPARATOR = Row(400, 10128, "Stream name can not contain path separators")
MOVE_NOT_IN_PROGRESS = Row(400, 10129, "stream reconfiguration not in progress")
RESTORE_NAME_IN_USE = Row(400, 10130, "stream name already in use, cannot restore")
CREATE_FILTER_MISMATCH = Row(
    400, 10131, "Consumer create request did not match filtered subject from create subject"
)
DURABLE_AND_NAME_DIFFER = Row(
    400, 10132, "Consumer Durable and Name have to be equal if both are provided"
)
REPLICAS_NEGATIVE = Row(400, 10133, "replicas count cannot be negative")
CONSUMER_REPLICAS_DIFFER_FROM_STREAM = Row(
    400, 10134, "consumer config replicas must match interest retention stream's replicas"
)
CONSUMER_METADATA_TOO_LARGE = Row(400, 10135, "consumer metadata exceeds maximum size of {limit}")
BOTH_FILTER_FORMS = Row(
    400, 10136, "consumer cannot have both FilterSubject and FilterSubjects specified"
)
FILTERS_WITH_FILTER_SUBJECT = Row(
    400, 10137, "consumer with multiple subject filters cannot use subject based API"
)
FILTERS_OVERLAP = Row(400, 10138, "consumer subject filters cannot overlap")
FILTER_EMPTY = Row(400, 10139, "consumer filter in FilterSubjects cannot be empty")
SOURCE_DUPLICATE = Row(400, 10140, "duplicate source configuration detected")
SOURCE_NAME_INVALID = Row(400, 10141, "sourced stream name is invalid")
MIRROR_NAME_INVALID = Row(400, 10142, "mirrored stream name is invalid")
MIRROR_WITH_FIRST_SEQ = Row(400, 10143, "stream mirrors can not have first sequence configured")
SOURCE_FILTER_AND_TRANSFORMS = Row(
    400, 10144, "source with multiple subject transforms cannot also have a single subject filter"
)
SOURCE_TRANSFORM_SOURCE_INVALID = Row(400, 10145, "source transform source: {err}")
SOURCE_TRANSFORM_INVALID = Row(400, 10146, "source transform: {err}")
SOURCE_FILTERS_OVERLAP = Row(400, 10147, "source filters can not overlap")
CONSUMER_EXISTS = Row(400, 10148, "consumer already exists")
CONSUMER_DOES_NOT_EXIST = Row(400, 10149, "consumer does not exist")
MIRROR_FILTER_AND_TRANSFORMS = Row(
    400, 10150, "mirror with multiple subject transforms cannot also have a single subject filter"
)
MIRROR_TRANSFORM_SOURCE_INVALID = Row(400, 10151, "mirror transform source: {err}")
MIRROR_FILTERS_OVERLAP = Row(400, 10152, "mirror subject filters can not overlap")
INACTIVE_THRESHOLD_EXCEEDED = Row(
    400, 10153, "consumer inactive threshold exceeds system limit of {limit}"
)
MIRROR_TRANSFORM_INVALID = Row(400, 10154, "mirror transform: {err}")
STREAM_TRANSFORM_SOURCE_INVALID = Row(400, 10155, "stream transform source: {err}")
STREAM_TRANSFORM_INVALID = Row(400, 10156, "stream transform: {err}")
PEDANTIC = Row(400, 10157, "pedantic mode: {err}")
DUPLICATE_IN_PROCESS = Row(409, 10158, "duplicate message id is in process")
PRIORITY_POLICY_WITHOUT_GROUPS = Row(
    400, 10159, "Setting PriorityPolicy requires at least one PriorityGroup to be set"
)
PRIORITY_GROUP_UNKNOWN = Row(400, 10160, "Provided priority group does not exist for this consumer")
PRIORITY_GROUP_EMPTY = Row(400, 10161, "Group name cannot be an empty string")
PRIORITY_GROUP_INVALID = Row(
    400,
    10162,
    "Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16 characters",
)
LAST_SUBJECT_SEQUENCE_UNAVAILABLE = Row(
    503, 10163, "expected last sequence per subject temporarily unavailable"
)
WRONG_LAST_SEQUENCE_CONSTANT = Row(400, 10164, "wrong last sequence")
TTL_INVALID = Row(400, 10165, "invalid per-message TTL")
TTL_DISABLED = Row(400, 10166, "per-message TTL is disabled")
TOO_MANY_REQUESTS = Row(429, 10167, "too many requests")
COUNTERS_DISABLED = Row(400, 10168, "message counters is disabled")
INCREMENT_MISSING = Row(400, 10169, "message counter increment is missing")
INCREMENT_WITH_PAYLOAD = Row(400, 10170, "message counter has payload")
INCREMENT_INVALID = Row(400, 10171, "message counter increment is invalid")
COUNTER_BROKEN = Row(400, 10172, "message counter is broken")
MIRROR_WITH_COUNTERS = Row(400, 10173, "stream mirrors can not also calculate counters")
ATOMIC_DISABLED = Row(400, 10174, "atomic publish is disabled")
ATOMIC_SEQUENCE_MISSING = Row(400, 10175, "atomic publish sequence is missing")
ATOMIC_INCOMPLETE = Row(400, 10176, "atomic publish batch is incomplete")
ATOMIC_UNSUPPORTED_HEADER = Row(400, 10177, "atomic publish unsupported header used: {header}")
PRIORITY_GROUPS_WITH_PUSH = Row(400, 10178, "priority groups can not be used with push consumers")
ATOMIC_ID_INVALID = Row(400, 10179, "atomic publish batch ID is invalid")
MIN_LAST_SEQUENCE = Row(412, 10180, "min last sequence")
ACK_POLICY_INVALID = Row(400, 10181, "consumer ack policy invalid")
REPLAY_POLICY_INVALID = Row(400, 10182, "consumer replay policy invalid")
ACK_WAIT_NEGATIVE = Row(400, 10183, "consumer ack wait needs to be positive")
BACKOFF_NEGATIVE = Row(400, 10184, "consumer backoff needs to be positive")
REQUIRED_API_LEVEL = Row(412, 10185, "JetStream minimum api level required")
MIRROR_WITH_SCHEDULES = Row(400, 10186, "stream mirrors can not also schedule messages")
SOURCES_WITH_SCHEDULES = Row(400, 10187, "stream source can not also schedule messages")
SCHEDULES_DISABLED = Row(400, 10188, "message schedules is disabled")
SCHEDULE_PATTERN_INVALID = Row(400, 10189, "message schedules pattern is invalid")
SCHEDULE_TARGET_INVALID = Row(400, 10190, "message schedules target is invalid")
SCHEDULE_TTL_INVALID = Row(400, 10191, "message schedules invalid per-message TTL")
SCHEDULE_ROLLUP_INVALID = Row(400, 10192, "message schedules invalid rollup")
LAST_SUBJECT_SEQUENCE_MISSING = Row(
    400, 10193, "missing sequence for expected last sequence per subject"
)
STREAM_OFFLINE_REASON = Row(500, 10194, "stream is offline: {err}")
CONSUMER_OFFLINE_REASON = Row(500, 10195, "consumer is offline: {err}")
PRIORITY_GROUPS_WITHOUT_POLICY = Row(
    400, 10196, "consumer can not have priority groups when policy is none"
)
PRIORITY_TIMEOUT_WITHOUT_POLICY = Row(
    400, 10197, "PinnedTTL cannot be set when PriorityPolicy is none"
)
MIRROR_WITH_ATOMIC = Row(400, 10198, "stream mirrors can not also use atomic publishing")
ATOMIC_TOO_LARGE = Row(400, 10199, "atomic publish batch is too large: {size}")
ATOMIC_COMMIT_INVALID = Row(400, 10200, "atomic publish batch commit is invalid")
ATOMIC_DUPLICATE_ID = Row(400, 10201, "atomic publish batch contains duplicate message id")
MEMBER_CHANGE_IN_PROGRESS = Row(400, 10202, "cluster member change is in progress")
SCHEDULE_SOURCE_INVALID = Row(400, 10203, "message schedules source is invalid")
RESET_INVALID = Row(400, 10204, "invalid reset: {err}")
BATCH_DISABLED = Row(400, 10205, "batch publish is disabled")
BATCH_PATTERN_INVALID = Row(400, 10206, "batch publish pattern is invalid")
BATCH_ID_INVALID = Row(400, 10207, "batch publish ID is invalid")
BATCH_ID_UNKNOWN = Row(400, 10208, "batch publish ID unknown")
MIRROR_WITH_BATCHED = Row(400, 10209, "stream mirrors can not also use batch publishing")
ATOMIC_TOO_MANY = Row(429, 10210, "atomic publish too many inflight")
BATCH_TOO_MANY = Row(429, 10211, "batch publish too many inflight")
SCHEDULE_SCHEDULER_INVALID = Row(400, 10212, "message schedules invalid scheduler")
MIRROR_CONSUMER_INVALID = Row(400, 10213, "stream mirror consumer config is invalid")
MIRROR_CONSUMER_NOT_FLOW_CONTROL = Row(
    400, 10214, "stream mirror consumer requires flow control ack policy"
)
SOURCE_CONSUMER_INVALID = Row(400, 10215, "stream source consumer config is invalid")
SOURCE_CONSUMER_DUPLICATE = Row(400, 10216, "duplicate stream source consumer detected")
SOURCE_CONSUMER_NOT_FLOW_CONTROL = Row(
    400, 10217, "stream source consumer requires flow control ack policy"
)
FLOW_CONTROL_ACK_WITHOUT_PUSH = Row(
    400, 10218, "flow control ack policy requires a push based consumer"
)
FLOW_CONTROL_ACK_WITHOUT_FLOW_CONTROL = Row(
    400, 10219, "flow control ack policy requires flow control"
)
FLOW_CONTROL_ACK_WITHOUT_MAX_PENDING = Row(
    400, 10220, "flow control ack policy requires max ack pending"
)
FLOW_CONTROL_ACK_WITH_ACK_WAIT = Row(400, 10221, "flow control ack policy requires unset ack wait")
FLOW_CONTROL_ACK_WITH_MAX_DELIVER = Row(
    400, 10222, "flow control ack policy requires unset max deliver"
)
SCHEDULE_TIME_ZONE_INVALID = Row(400, 10223, "message schedules time zone is invalid")
RESCUE_NOT_APPLIED = Row(400, 10224, "JetStream system rescue not applied: {err}")
STREAM_IDENTITY_MISMATCH = Row(400, 10225, "consumer's stream identity does not match: {msg}")
RECONFIGURATION_IN_PROGRESS = Row(400, 10226, "stream reconfiguration already in progress")
STREAM_SOURCE_HEADER = Row(400, 10227, "message stream source header is not allowed")

TABLE = {row.err_code: row for row in tuple(globals().values()) if isinstance(row, Row)}
