"""Users and their permissions: blocks to values.

Owns what a user entry and a permissions block may say. Knows neither accounts nor connections.
"""

from isthmus.base import subjects
from isthmus.config.block import Block, Findings, word
from isthmus.config.options import (
    PermissionsOptions,
    ResponseRule,
    SubjectRules,
    UserOptions,
)
from isthmus.identity import nkeys

_CONNECTION_TYPES = (
    "STANDARD",
    "WEBSOCKET",
    "LEAFNODE",
    "LEAFNODE_WS",
    "MQTT",
    "MQTT_WS",
    "IN_PROCESS",
)


def users(block: Block, findings: Findings, names: set[str]) -> tuple[UserOptions, ...]:
    """The entries of `users` in an account or an authorization block.

    `names` holds the users of all accounts so far, by name or nkey; theirs are added.
    """
    out = []
    for entry in block.blocks("users"):
        user = _user(entry, findings)
        if user is None:
            continue
        name = user.nkey or user.name
        if name in names:
            kind = "nkey" if user.nkey else "user"
            block.wrong("users", f'Duplicate {kind} "{name}" detected')
        names.add(name)
        out.append(user)
    return tuple(out)


def _user(entry: Block, findings: Findings) -> UserOptions | None:
    user = UserOptions(
        **entry.fields(),
        permissions=permissions(entry, "permissions", findings),
        connection_types=_connection_types(entry),
    )
    if not user.name and not user.nkey:
        findings.error("User entry requires a user", entry.inside)
    elif user.nkey and not nkeys.is_public(user.nkey, nkeys.Kind.USER):
        findings.error("Not a valid public nkey for a user", entry.place("nkey"))
    elif user.nkey and (user.name or user.password):
        findings.error("Nkey users do not take usernames or passwords", entry.place("nkey"))
    else:
        return user
    return None


def _connection_types(entry: Block) -> tuple[str, ...]:
    name = "allowed_connection_types"
    types = tuple(text.upper() for text in entry.texts(name) or ())
    unknown = [text for text in types if text not in _CONNECTION_TYPES]
    if unknown:
        known = ", ".join(_CONNECTION_TYPES)
        quoted = " ".join(f'"{text}"' for text in unknown)
        entry.wrong(name, f"invalid connection types [{quoted}]; known are {known}")
    return types


def permissions(parent: Block, name: str, findings: Findings) -> PermissionsOptions | None:
    """The permissions block called `name`, or None if there is none."""
    block = parent.block(name)
    if block is None:
        return None
    publish = _rules(block, "publish", findings)
    responses = _responses(block)
    if responses is not None and (publish is None or publish.allow is None):
        # a right to answer, and no word on what else may be published: nothing else may
        publish = SubjectRules(allow=(), deny=publish.deny if publish else ())
    return PermissionsOptions(
        publish=publish,
        subscribe=_rules(block, "subscribe", findings, queues=True),
        responses=responses,
    )


def _rules(
    block: Block, name: str, findings: Findings, *, queues: bool = False
) -> SubjectRules | None:
    node = block.node(name)
    if node is None:
        return None
    if not isinstance(node.value, dict):
        return SubjectRules(allow=_subjects(block, name, queues=queues))
    if not node.value:
        return None
    rules = Block(node, "subject rules", findings)
    return SubjectRules(
        allow=_subjects(rules, "allow", queues=queues),
        deny=_subjects(rules, "deny", queues=queues) or (),
    )


def _subjects(block: Block, name: str, *, queues: bool) -> tuple[str, ...] | None:
    entries = block.texts(name)
    for entry in entries or ():
        if subjects.valid(entry):
            continue
        parts = entry.split()
        if not queues or len(parts) != 2:
            block.wrong(name, f'subject "{entry}" is not a valid subject')
        elif not subjects.valid(parts[0]):
            block.wrong(name, f'subject "{parts[0]}" is not a valid subject')
        elif not subjects.valid(parts[1]):
            block.wrong(name, f'queue "{parts[1]}" is not a valid queue')
    return entries


def _responses(block: Block) -> ResponseRule | None:
    node = block.node("allow_responses")
    if node is None or node.value is False:
        return None
    if node.value is True:
        return ResponseRule()
    if not isinstance(node.value, dict):
        text = f"allow_responses must be a boolean or a map, not {word(node.value)}"
        block.wrong("allow_responses", text)
        return None
    rule = block.block("allow_responses")
    assert rule is not None
    return ResponseRule(**rule.fields())
