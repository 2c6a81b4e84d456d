"""Fields that this server does not carry out yet: refused by name, never ignored.

Each configuration has a table `NOT_YET`: JSON name of the field → what is there instead. A field
that holds its default is fine. Lifting a refusal is deleting its line.
"""

from collections.abc import Mapping

import msgspec

from isthmus.base.values import Value


def refusal(config: Value, table: Mapping[str, str]) -> str | None:
    """Why `config` can not be had yet, naming the field; None when it can."""
    plain = type(config)()
    for field in msgspec.structs.fields(config):
        reason = table.get(field.encode_name)
        changed = getattr(config, field.name) != getattr(plain, field.name)
        if reason is not None and changed:
            return f"{field.encode_name} is not supported by this server yet: {reason}"
    return None
