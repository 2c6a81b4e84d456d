"""Fields that this server does not carry out yet: refused by name, never ignored.

Each configuration has a table `NOT_YET`. A key is the JSON name of a field, refused when it holds
anything but its default, or `name=value` for one value of it; the text says what there is instead.
Lifting a refusal is deleting its line.
"""

from collections.abc import Mapping

from isthmus.base.values import Value


def refusal(config: Value, table: Mapping[str, str]) -> str | None:
    """Why `config` can not be had yet, naming the field; None when it can."""
    plain = type(config)()
    names = zip(config.__struct_fields__, config.__struct_encode_fields__, strict=True)
    for attribute, json_name in names:
        value = getattr(config, attribute)
        if value == getattr(plain, attribute):
            continue
        for key in (json_name, f"{json_name}={value}"):
            if key in table:
                return f"{key} is not supported by this server yet: {table[key]}"
    return None
