"""The forms in which `describe` shows a token, and `list` a list.

Owns their flags, which may stand before the verb's name or after it. Knows no tokens.
"""

from collections.abc import Mapping
from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.nsc.command import remember
from isthmus.cli.nsc.flags import BOOLEAN, TEXT, Flag

STDOUT = "--"  # as the name of an output file


class Form(Value):
    """Which form, and where to. `field` beats `json`, `raw` beats both."""

    json: bool = False
    raw: bool = False
    long_ids: bool = False
    field: str = ""
    output_file: str = STDOUT


def describe_flags() -> list[click.Parameter]:
    """The flags of `describe`, which its verbs take too."""
    return [
        Flag(
            ["-J", "--json"],
            bare="true",
            type=BOOLEAN,
            callback=remember,
            help="the token's payload as JSON",
        ),
        Flag(
            ["-R", "--raw"],
            bare="true",
            type=BOOLEAN,
            callback=remember,
            help="the token itself",
        ),
        Flag(
            ["-W", "--long-ids"],
            bare="true",
            type=BOOLEAN,
            callback=remember,
            help="public keys instead of the names of other accounts",
        ),
        Flag(
            ["-F", "--field"],
            type=TEXT,
            callback=remember,
            help="one value of the payload, such as nats.exports[0].subject",
        ),
        Flag(
            ["-o", "--output-file"],
            type=TEXT,
            callback=remember,
            help="file to write to; -- is the output",
        ),
    ]


def list_flags() -> list[click.Parameter]:
    """The flags of `list`, which its verbs take too."""
    return [
        Flag(
            ["-J", "--json"],
            bare="true",
            type=BOOLEAN,
            callback=remember,
            help="JSON instead of a table",
        )
    ]


def split_form(values: Mapping[str, Any]) -> tuple[Form, dict[str, Any]]:
    """The form a description takes among a command's values, and the others."""
    names = set(Form.__struct_fields__)
    own = {name: value for name, value in values.items() if name in names and value is not None}
    return Form(**own), {name: value for name, value in values.items() if name not in names}
