"""Fields that this server does not carry out yet: refused by name, never ignored.

Each configuration has a table `NOT_YET`. A key is the JSON name of a field, refused when it holds
anything but its default, or `name=value` for one value of it; the text says what there is instead.
Lifting a refusal is deleting its line.
"""

from collections.abc import Mapping

import msgspec

from isthmus.base.values import Value


def refusal(config: Value, table: Mapping[str, str]) -> str | None:
    """Why `config` can not be had yet, naming the field; None when it can."""
    plain = type(config)()
    for field in msgspec.structs.fields(config):
        value = getattr(config, field.name)
        if value == getattr(plain, field.name):
            continue
        for key in (field.encode_name, f"{field.encode_name}={value}"):
            if key in table:
                return f"{key} is not supported by this server yet: {table[key]}"
    return None
