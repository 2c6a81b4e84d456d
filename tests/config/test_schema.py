"""The table of options is consistent in itself and with the options struct."""

import re

import pytest

from isthmus.config import options as structs
from isthmus.config.schema import LOOKUP, SCHEMA, Type

STRUCTS = {
    "": structs.Options,
    "authorization": structs.AuthorizationOptions,
    "user": structs.UserOptions,
    "permissions": structs.PermissionsOptions,
    "responses": structs.ResponseRule,
    "account": structs.AccountOptions,
    "export": structs.ExportOptions,
    "import": structs.ImportOptions,
    "limits": structs.AccountLimits,
    "account jetstream": structs.AccountJetStream,
    "jetstream": structs.JetStreamOptions,
    "jetstream limits": structs.JetStreamLimits,
    "resolver": structs.ResolverOptions,
}
PYTHON_TYPES = {
    Type.TEXT: str,
    Type.TEXTS: tuple,
    Type.FLAG: bool,
    Type.NUMBER: int,
    Type.SIZE: int,
    Type.STORAGE: int,
    Type.DURATION: int,
}
ROWS = [(block, option) for block, rows in SCHEMA.items() for option in rows]


@pytest.mark.parametrize(("block", "option"), ROWS, ids=lambda one: getattr(one, "name", one))
def test_a_row_that_fills_a_field_has_the_type_of_its_default(block, option):
    if not option.field:
        return
    fields = STRUCTS[block].__struct_fields__
    assert option.field in fields
    defaults = STRUCTS[block].__struct_defaults__
    default = dict(zip(reversed(fields), reversed(defaults), strict=False))[option.field]
    assert type(default) is PYTHON_TYPES[option.type]


@pytest.mark.parametrize(("block", "option"), ROWS, ids=lambda one: getattr(one, "name", one))
def test_a_row_is_either_implemented_or_says_what_to_do_instead(block, option):
    assert option.about.endswith(".")
    assert not (option.missing and option.field and block not in {"export", "import"})
    assert option.missing or not option.inert


def test_no_name_has_two_meanings():
    for block, rows in SCHEMA.items():
        names = [name for option in rows for name in (option.name, *option.aliases)]
        assert len(names) == len(set(names)) == len(LOOKUP[block])


def test_names_are_lower_case_because_lookup_is():
    for rows in LOOKUP.values():
        assert all(re.fullmatch("[a-z_]+", name) for name in rows)


def test_every_block_that_is_named_exists():
    for _, option in ROWS:
        assert not option.block or option.block in SCHEMA
        assert (option.type in {Type.MAP, Type.MAPS, Type.ANY}) or not option.block


def test_no_two_rows_fill_one_field():
    for rows in SCHEMA.values():
        fields = [option.field for option in rows if option.field]
        assert len(fields) == len(set(fields))
