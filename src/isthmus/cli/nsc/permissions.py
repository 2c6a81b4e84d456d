"""The flags that say what a user may publish and subscribe to.

Owns those flags and what they do to a set of permissions; users, account defaults and scoped keys
share them. Lists of subjects are kept sorted, without duplicates.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value, format_duration
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.flags import DURATION, INTEGER, flag, lists, switch
from isthmus.cli.nsc.report import Report
from isthmus.identity.claims import Permission, Permissions, ResponsePermission

F = TypeVar("F", bound=Callable[..., Any])


class PermissionFlags(Value):
    """What the flags said; `None` and empty lists were not given."""

    allow_pub: tuple[str, ...] = ()
    allow_sub: tuple[str, ...] = ()
    allow_pubsub: tuple[str, ...] = ()
    deny_pub: tuple[str, ...] = ()
    deny_sub: tuple[str, ...] = ()
    deny_pubsub: tuple[str, ...] = ()
    allow_pub_response: int | None = None
    response_ttl: int | None = None
    rm: tuple[str, ...] = ()
    rm_response_perms: bool | None = None

    @property
    def given(self) -> bool:
        """True if any of them was."""
        return self != PermissionFlags()


def permission_flags(*, editing: bool) -> Callable[[F], F]:
    """Add the flags to a command. `editing` adds those that take permissions away."""
    decorators = [
        lists("--allow-pub", help="subjects that may be published to"),
        lists("--allow-sub", help="subjects that may be subscribed to ('subject queue' is fine)"),
        lists("--allow-pubsub", help="subjects that may be published and subscribed to"),
        lists("--deny-pub", help="subjects that may not be published to"),
        lists("--deny-sub", help="subjects that may not be subscribed to"),
        lists("--deny-pubsub", help="subjects that may be neither published nor subscribed to"),
        flag(
            "--allow-pub-response",
            type=INTEGER,
            bare="1",
            old="--max-responses",
            help="how many answers a request allows",
        ),
        flag("--response-ttl", type=DURATION, help="for how long answers are allowed (5s, 2m)"),
    ]
    if editing:
        decorators += [
            lists("--rm", help="subjects to take out of all permissions"),
            switch("--rm-response-perms", help="no answers beyond the other permissions"),
        ]

    def decorate(command: F) -> F:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def split_flags(values: Mapping[str, Any]) -> tuple[PermissionFlags, dict[str, Any]]:
    """The permission flags among a command's values, and the others."""
    names = set(PermissionFlags.__struct_fields__)
    own = {name: value for name, value in values.items() if name in names}
    return PermissionFlags(**own), {k: v for k, v in values.items() if k not in names}


def apply(flags: PermissionFlags, before: Permissions, report: Report) -> Permissions:
    """`before` as the flags change it; each change is a line of the report."""
    _require_publish(flags.allow_pub + flags.allow_pubsub + flags.deny_pub + flags.deny_pubsub)
    _require_subscribe(flags.allow_sub + flags.deny_sub)
    resp = _response(flags, before.resp, report)
    pub_allow = _changed(
        before.pub.allow, flags.allow_pub + flags.allow_pubsub, flags.rm, report, "pub"
    )
    pub_deny = _changed(
        before.pub.deny, flags.deny_pub + flags.deny_pubsub, flags.rm, report, "deny pub"
    )
    sub_allow = _changed(
        before.sub.allow, flags.allow_sub + flags.allow_pubsub, flags.rm, report, "sub"
    )
    sub_deny = _changed(
        before.sub.deny, flags.deny_sub + flags.deny_pubsub, flags.rm, report, "deny sub"
    )
    return Permissions(
        pub=Permission(allow=pub_allow, deny=pub_deny),
        sub=Permission(allow=sub_allow, deny=sub_deny),
        resp=resp,
    )


def _response(
    flags: PermissionFlags, before: ResponsePermission | None, report: Report
) -> ResponsePermission | None:
    if flags.rm_response_perms:
        report.ok("removed response permissions")
        before = None
    if flags.allow_pub_response is not None:
        before = msgspec.structs.replace(
            before or ResponsePermission(), messages_max=flags.allow_pub_response
        )
        report.ok(f"set max responses to {flags.allow_pub_response}")
    if flags.response_ttl is not None:
        before = msgspec.structs.replace(
            before or ResponsePermission(), lifetime_ns=flags.response_ttl
        )
        report.ok(f"set response ttl to {format_duration(flags.response_ttl)}")
    return before


def _changed(
    before: tuple[str, ...], added: Iterable[str], removed: Iterable[str], report: Report, what: str
) -> tuple[str, ...]:
    subjects = set(before)
    for subject in added:
        subjects.add(subject.strip())
        report.ok(f"added {what} {quote(subject)}")
    for subject in removed:
        subjects.discard(subject)
        report.ok(f"removed {'sub' if what == 'deny sub' else what} {quote(subject)}")
    return tuple(sorted(subjects))


def _require_publish(subjects: Iterable[str]) -> None:
    for subject in subjects:
        if " " in subject.strip():
            raise CommandError(
                f"publish permission subject {quote(subject)} contains illegal space"
            )


def _require_subscribe(subjects: Iterable[str]) -> None:
    for subject in subjects:
        if subject.strip().count(" ") > 1:
            raise CommandError(
                f"subscribe permission subject {quote(subject)} can at most contain one space"
            )
