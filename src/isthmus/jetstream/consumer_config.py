"""ConsumerConfig: every field a consumer can be configured by, in the order of the wire.

Defaults here are the wire's: what an absent field means in a request, before `consumer_rules`
fills in the real ones. A field made by `always` is printed even when it holds its default.
"""

import re
from typing import ClassVar, Self

import msgspec

from isthmus.base.values import Value, always
from isthmus.jetstream.json_kinds import Duration, Int, Policy, Prose, Time, Uint64
from isthmus.jetstream.json_text import JsonError, Node

PRIORITY_GROUP = re.compile(r"[a-zA-Z0-9/_=-]{1,16}")


class DeliverPolicy(Policy):
    """Where in the stream a consumer begins."""

    ALL = "all"
    LAST = "last"
    NEW = "new"
    BY_START_SEQUENCE = "by_start_sequence"
    BY_START_TIME = "by_start_time"
    LAST_PER_SUBJECT = "last_per_subject"

    @classmethod
    def from_json(cls, node: Node) -> Self:
        """The policy that `node` spells; `undefined` means all."""
        return cls("all") if node.raw == '"undefined"' else super().from_json(node)


class AckPolicy(Policy):
    """Which deliveries wait for an acknowledgement."""

    NONE = "none"
    ALL = "all"
    EXPLICIT = "explicit"
    FLOW_CONTROL = "flow_control"


class ReplayPolicy(Policy):
    """How fast stored messages come: at once, or as they were published."""

    INSTANT = "instant"
    ORIGINAL = "original"


class PriorityPolicy(Policy):
    """How requests of a priority group are served; `none` is not printed."""

    NONE = "none"
    OVERFLOW = "overflow"
    PINNED_CLIENT = "pinned_client"
    PRIORITIZED = "prioritized"

    @classmethod
    def refusal(cls, node: Node) -> JsonError:
        """Why `node` is none of the words."""
        return JsonError(f"unknown priority policy: {node.raw}")


class Action(Policy):
    """What CONSUMER.CREATE may do: either, only create, only update."""

    EITHER = ""
    CREATE = "create"
    UPDATE = "update"

    @classmethod
    def refusal(cls, node: Node) -> JsonError:
        """Why `node` is none of the words."""
        return JsonError(f"unknown consumer action: {node.raw}")


class ConsumerConfig(Value, omit_defaults=True):
    """A consumer as it is asked for, kept and shown."""

    durable_name: str = ""
    name: str = ""
    description: Prose = ""
    deliver_policy: DeliverPolicy = always(DeliverPolicy.ALL)
    opt_start_seq: Uint64 = 0
    opt_start_time: Time | None = None
    ack_policy: AckPolicy = always(AckPolicy.NONE)
    ack_wait_ns: Duration = msgspec.field(default=0, name="ack_wait")
    max_deliver: Int = 0
    backoff_ns: tuple[Duration, ...] = msgspec.field(default=(), name="backoff")
    filter_subject: str = ""
    filter_subjects: tuple[str, ...] = ()
    replay_policy: ReplayPolicy = always(ReplayPolicy.INSTANT)
    rate_limit_bps: Uint64 = 0
    sample_freq: str = ""
    max_waiting: Int = 0
    max_ack_pending: Int = 0
    flow_control: bool = False
    headers_only: bool = False
    max_batch: Int = 0
    max_expires_ns: Duration = msgspec.field(default=0, name="max_expires")
    max_bytes: Int = 0
    deliver_subject: str = ""
    deliver_group: str = ""
    idle_heartbeat_ns: Duration = msgspec.field(default=0, name="idle_heartbeat")
    inactive_threshold_ns: Duration = msgspec.field(default=0, name="inactive_threshold")
    num_replicas: Int = always(0)
    mem_storage: bool = False
    direct: bool = False
    sourcing: bool = False
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    pause_until: Time | None = None
    priority_groups: tuple[str, ...] = ()
    priority_policy: PriorityPolicy = PriorityPolicy.NONE
    priority_timeout_ns: Duration = msgspec.field(default=0, name="priority_timeout")

    @property
    def filters(self) -> tuple[str, ...]:
        """The subjects it takes; none means all of the stream."""
        return (self.filter_subject,) if self.filter_subject else self.filter_subjects


class ConsumerCreateRequest(Value):
    """The body of all three forms of CONSUMER.CREATE."""

    go_name: ClassVar[str] = "CreateConsumerRequest"

    stream_name: str = ""
    config: ConsumerConfig = ConsumerConfig()
    action: Action = Action.EITHER
    pedantic: bool = False
