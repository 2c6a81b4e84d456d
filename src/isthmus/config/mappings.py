"""The option `mappings`: subjects of an account that stand for others.

    a: b                                      all of it
    "w.*": [ {destination: "w1.$1", weight: 40%}, {destination: "w2.$1", weight: 40} ]

Owns the forms it may have. Whether subjects and shares fit is `accounts.mappings`'s decision, asked
here so that a mistake has a place in the file.
"""

from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.config.block import Block, Findings, word
from isthmus.config.options import MappedToOptions, MappingOptions
from isthmus.config.parser import Node

_SUBJECT, _CLUSTER, _WEIGHT = ("destination", "dest"), ("cluster",), ("weight",)


def mappings(block: Block, findings: Findings) -> tuple[MappingOptions, ...]:
    """The entries of `mappings` in their order."""
    out = []
    for subject, node in block.pairs("mappings").items():
        if node.used:  # a variable that stands between them
            continue
        if not subjects.valid(subject):
            findings.error(f'Subject "{subject}" is not a valid subject', node.position)
            continue
        before = len(findings)
        mapping = MappingOptions(subject=subject, to=_destinations(node, findings))
        if len(findings) == before:
            _require_possible(mapping, node, findings)
            out.append(mapping)
    return tuple(out)


def _require_possible(mapping: MappingOptions, node: Node, findings: Findings) -> None:
    # compiled code, which a check without mappings does without
    from isthmus.accounts.mappings import make_entry  # noqa: PLC0415
    from isthmus.accounts.spec import MappedTo, SubjectMapping  # noqa: PLC0415

    wanted = SubjectMapping(
        subject=mapping.subject,
        to=tuple(
            MappedTo(subject=to.subject, weight=to.weight, cluster=to.cluster) for to in mapping.to
        ),
    )
    try:
        make_entry(wanted)
    except UsageError as error:
        to = f' to "{node.value}" ' if isinstance(node.value, str) else " "
        text = f'Error adding mapping for "{mapping.subject}"{to}: {error}'
        findings.error(text, node.position)


def _destinations(node: Node, findings: Findings) -> tuple[MappedToOptions, ...]:
    value = node.value
    if isinstance(value, str):
        return (MappedToOptions(subject=value),)
    entries = value if isinstance(value, list) else [node]
    found = [_destination(entry, findings) for entry in entries]
    return tuple(one for one in found if one is not None)


def _destination(node: Node, findings: Findings) -> MappedToOptions | None:
    if not isinstance(node.value, dict):
        findings.error("Expected an entry for the mapping destination", node.position)
        return None
    fields: dict[str, object] = {}
    for name, entry in node.value.items():
        lower = name.lower()
        if lower in _SUBJECT + _CLUSTER and isinstance(entry.value, str):
            fields["cluster" if lower in _CLUSTER else "subject"] = entry.value
        elif lower in _SUBJECT + _CLUSTER:
            text = f"{name} of a mapping must be a string, not {word(entry.value)}"
            findings.error(text, entry.position)
        elif lower in _WEIGHT:
            fields["weight"] = _weight(entry, findings)
        elif not entry.used:
            text = f'Unknown field "{name}" for mapping destination'
            findings.error(text, entry.position)
    subject = fields.get("subject", "")
    if not subject:
        findings.error("a mapping needs a destination", node.position)
    elif "weight" not in fields:
        text = f'Missing weight for mapping destination "{subject}"'
        findings.error(text, node.position)
    else:
        return MappedToOptions(**fields)  # type: ignore[arg-type]  # each was checked
    return None


def _weight(node: Node, findings: Findings) -> int:
    """Per cent: `40`, `40%` or `"40%"`."""
    value = node.value
    if isinstance(value, str) and value.strip().removesuffix("%").isdecimal():
        value = int(value.strip().removesuffix("%"))
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        text = f"Unknown entry type for weight of {value}"
        findings.error(text, node.position)
        return 0
    if isinstance(value, str) or not 0 <= value <= 100:
        shown = f'"{value}"' if isinstance(value, str) else str(value)
        findings.error(f"Invalid weight {shown} for mapping destination", node.position)
        return 0
    return value
