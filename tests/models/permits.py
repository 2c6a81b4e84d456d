"""What a connection may publish: allow and deny lists looked through, and grants for replies."""

from models.sublist import matches


class PermitsModel:
    """`replies_max` 0: no grants; negative: any number of times."""

    def __init__(
        self, allow: list[bytes] | None, deny: list[bytes], replies_max: int, ttl_ns: int
    ) -> None:
        self.allow = allow
        self.deny = deny
        self.replies_max = replies_max
        self.ttl_ns = ttl_ns
        self.grants: dict[bytes, list[int]] = {}  # reply -> [count left, granted_ns]

    def delivered(self, reply: bytes, now_ns: int) -> None:
        self.grants[reply] = [self.replies_max, now_ns]

    def may_publish(self, subject: bytes, now_ns: int) -> bool:
        if any(matches(pattern, subject) for pattern in self.deny):
            listed = False
        else:
            listed = self.allow is None or any(matches(pattern, subject) for pattern in self.allow)
        if listed or subject not in self.grants:
            return listed
        left, granted_ns = self.grants[subject]
        if left == 0 or (self.ttl_ns > 0 and now_ns > granted_ns + self.ttl_ns):
            return False
        self.grants[subject][0] -= 1
        return True
