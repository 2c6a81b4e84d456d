"""Allow and deny sets for publish and subscribe, and leave to answer.

Owns the rules; hands the core precomputed sets. Rules, measured on nats-server 2.15.1:
deny wins; no allow list allows everything; leave to answer without an allow list allows nothing
else; a subscribe entry may name a queue after a blank; a subscription that merely overlaps a denied
subject is accepted and filtered at delivery. A denied `a.*` takes the `>` of `a.>` for a token; an
allowed one does not, since that would let in more than it says.
"""

from isthmus.base import subjects
from isthmus.base.values import Value
from isthmus.core.permits import PublishPermits, SubjectSet

RESPONSES_DEFAULT_MAX = 1
RESPONSES_DEFAULT_TTL_NS = 120_000_000_000


class Rule(Value):
    """Subjects of one direction. `allow` None: everything that is not denied."""

    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()


class Permissions(Value):
    """What one user may do. `responses_max` 0: no leave to answer; negative: without bound."""

    publish: Rule = Rule()
    subscribe: Rule = Rule()
    responses_max: int = 0
    responses_ttl_ns: int = RESPONSES_DEFAULT_TTL_NS

    def publish_permits(self) -> PublishPermits | None:
        """The compiled form; None when everything may be published."""
        allow = self.publish.allow
        if allow is None and self.responses_max and not self.publish.deny:
            allow = ()  # leave to answer, and nothing else
        if allow is None and not self.publish.deny:
            return None
        return PublishPermits(
            allow=None if allow is None else SubjectSet(allow),
            deny=SubjectSet(self.publish.deny) if self.publish.deny else None,
            replies_max=self.responses_max,
            replies_ttl_ns=self.responses_ttl_ns,
        )

    def may_subscribe(self, subject: str, queue: str) -> bool:
        """True if `SUB subject [queue]` is allowed."""
        rule = self.subscribe
        if rule.allow is not None and not _allowed(rule.allow, subject, queue):
            return False
        # to deny entries its `>` is one more token
        named = f"{subject[:-1]}*" if subject == ">" or subject.endswith(".>") else subject
        for entry in rule.deny:
            pattern, _, denied_queue = entry.partition(" ")
            if not subjects.covers(pattern, named):
                continue
            if not denied_queue or (queue and subjects.covers(denied_queue, queue)):
                return False
        return True

    def hidden_from(self, subject: str, queue: str) -> SubjectSet | None:
        """Denied subjects that the (allowed) subscription overlaps: filtered at delivery."""
        hidden = [
            pattern
            for pattern, _, denied_queue in (entry.partition(" ") for entry in self.subscribe.deny)
            if subjects.collide(pattern, subject)
            and (not denied_queue or (queue and subjects.covers(denied_queue, queue)))
        ]
        return SubjectSet(hidden) if hidden else None


def _allowed(allow: tuple[str, ...], subject: str, queue: str) -> bool:
    """Plain entries allow any queue, unless an entry that names queues matches the subject too."""
    plain = False
    queues: list[str] = []
    for entry in allow:
        pattern, _, name = entry.partition(" ")
        if subjects.covers(pattern, subject):
            if name:
                queues.append(name)
            else:
                plain = True
    if queue and queues:
        return any(subjects.covers(name, queue) for name in queues)
    return plain
