"""Templates of scoped signing keys: `{{name()}}`, `{{tag(team)}}` and the like in permissions.

Owns the expansion. A subject with several values for its functions becomes one subject for each
combination. What cannot be expanded is dropped from an allow list; in a deny list it refuses the
login, since a denial that is silently dropped would let somebody in.

    name()  subject()  tag(key)  account-name()  account-subject()  account-tag(key)
"""

import itertools
import re
from collections.abc import Sequence

import msgspec

from isthmus.base import subjects
from isthmus.identity.claims import AccountClaims, Permission, UserClaims, UserLimits
from isthmus.identity.findings import Findings, error
from isthmus.identity.validate import check_limits

EXPANSIONS_MAX = 4096
_CALL = re.compile(r"\{\{[^}]+\}\}")
_FUNCTION = re.compile(r"([a-z-]+)\((.*)\)", re.IGNORECASE)


class TemplateError(Exception):
    """A template says something that has no meaning for this user."""


def expand(template: UserLimits, user: UserClaims, account: AccountClaims) -> UserLimits:
    """The limits of one user; raise `TemplateError` if the template makes no sense for it."""
    return msgspec.structs.replace(
        template,
        pub=_expand_permission(template.pub, user, account),
        sub=_expand_permission(template.sub, user, account),
    )


def check_template(template: UserLimits) -> Findings:
    """What no user could be given: functions nobody knows, and what is wrong with any limits."""
    for permission in (template.pub, template.sub):
        for entry in permission.allow + permission.deny:
            for call in _CALL.findall(entry):
                try:
                    _values(call[2:-2].strip(), UserClaims(), AccountClaims())
                except TemplateError as failure:
                    yield error(str(failure))
    limits = {name: getattr(template, name) for name in UserLimits.__struct_fields__}
    limits |= {"pub": _with_samples(template.pub), "sub": _with_samples(template.sub)}
    yield from check_limits(UserLimits(**limits))


def _with_samples(permission: Permission) -> Permission:
    """Something in the place of each function, as one of its values might be."""
    return Permission(
        allow=tuple(_CALL.sub("x", entry) for entry in permission.allow),
        deny=tuple(_CALL.sub("x", entry) for entry in permission.deny),
    )


def _expand_permission(
    permission: Permission, user: UserClaims, account: AccountClaims
) -> Permission:
    allow = _expand_list(permission.allow, user, account, required=False)
    deny = _expand_list(permission.deny, user, account, required=True)
    if permission.allow and not allow:
        deny = (*deny, ">")  # an empty allow list would allow everything
    return Permission(allow=allow, deny=deny)


def _expand_list(
    entries: Sequence[str], user: UserClaims, account: AccountClaims, *, required: bool
) -> tuple[str, ...]:
    out: list[str] = []
    for entry in entries:
        expanded = _expand_entry(entry, user, account)
        if required and not expanded:
            raise TemplateError(f"denied subject names a tag the user does not have: {entry}")
        for subject in expanded:
            if subject is entry or subjects.valid(subject):
                out.append(subject)
            elif required:
                raise TemplateError(f"generated invalid subject: {subject}")
            if len(out) > EXPANSIONS_MAX:
                raise TemplateError(f"template expands to more than {EXPANSIONS_MAX} subjects")
    return tuple(out)


def _expand_entry(entry: str, user: UserClaims, account: AccountClaims) -> Sequence[str]:
    calls = _CALL.findall(entry)
    if not calls:
        return (entry,)
    values = [_values(call[2:-2].strip(), user, account) for call in calls]
    parts = _CALL.split(entry)
    return [
        parts[0] + "".join(value + part for value, part in zip(chosen, parts[1:], strict=True))
        for chosen in itertools.islice(itertools.product(*values), EXPANSIONS_MAX + 1)
    ]


def _values(call: str, user: UserClaims, account: AccountClaims) -> Sequence[str]:
    match = _FUNCTION.fullmatch(call)
    name, argument = (match[1].lower(), match[2].strip().lower()) if match else ("", "")
    if name == "tag" and argument:
        return _tag_values(user.nats.tags, argument)
    if name == "account-tag" and argument:
        return _tag_values(account.nats.tags, argument)
    plain = {
        "name": user.name,
        "subject": user.subject,
        "account-name": account.name,
        "account-subject": user.nats.issuer_account,
    }
    if name not in plain or argument:
        raise TemplateError(f'template operation in "{{{{{call}}}}}": "{call}" is not defined')
    return (plain[name],)


def _tag_values(tags: Sequence[str], key: str) -> Sequence[str]:
    prefix = f"{key}:"
    return [tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)]
