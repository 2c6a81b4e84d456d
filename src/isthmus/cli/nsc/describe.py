"""How every `describe` verb shows a token: raw, as JSON, one field of it, or as tables.

Owns the four forms and the output file. The JSON is the token's own payload, keys sorted, so what
this tool does not know is shown too. Knows no claims.
"""

import base64
import re
from collections.abc import Callable
from typing import Any

import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import escape_json
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.forms import STDOUT, Form
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.identity.creds import decorate_token

_INDEX = re.compile(r"([^\[]*)((?:\[[^\]]*\])*)")


def render(
    form: Form, token: str, kind: str, tables: Callable[[], list[str]], store: Store
) -> Report:
    """The token in the form that was asked for."""
    to_file = form.output_file != STDOUT
    if form.raw:
        text = decorate_token(token) if to_file else token + "\n"
    elif form.field:
        text = field_text(payload_of(token), form.field) + "\n"
    elif form.json:
        text = json_text(payload_of(token)) + "\n\n"
    else:
        text = "".join(f"{table}\n\n" for table in tables())
    report = Report()
    if not to_file:
        report.body = text
        return report
    shown = store.put_output(form.output_file, text)
    report.ok(f"wrote {kind} {'jwt' if form.raw else 'description'} to {shown}")
    return report


def payload_of(token: str) -> Any:
    """The payload of a token that was decoded before."""
    body = token.split(".")[1]
    return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def json_text(value: Any) -> str:
    """Indented by one space, keys sorted."""
    compact = msgspec.json.encode(value, order="sorted")
    return msgspec.json.format(compact, indent=1).decode()


def field_text(value: Any, path: str) -> str:
    """The value at `a.b[0].c` as compact JSON."""
    for name in path.split("."):
        if "[" in name and not name.endswith("]"):
            raise CommandError(
                f"bad path - unterminated index expression: {quote(name)} in {quote(path)}"
            )
        match = _INDEX.fullmatch(name)
        if match is None:
            raise CommandError(f"bad path: {quote(name)} in {quote(path)}")
        if match[1]:
            if not isinstance(value, dict):
                shown = "<nil>" if value is None else value
                raise CommandError(
                    f"unable to extract {quote(match[1])} in {quote(path)} from {shown}"
                )
            value = value.get(match[1])
        for index in re.findall(r"\[([^\]]*)\]", match[2]):
            value = _item(value, index, path)
    return escape_json(msgspec.json.encode(value, order="sorted")).decode()


def _item(value: Any, index: str, path: str) -> Any:
    if not index.isdecimal():
        raise CommandError(f"error parsing index: {quote(index)} in {quote(path)}")
    if not isinstance(value, list):
        shown = "<nil>" if value is None else value
        raise CommandError(f"unable to extract {quote(index)} in {quote(path)} from {shown}")
    if int(index) >= len(value):
        raise CommandError(f"index is out of bounds: {index} in {quote(path)}")
    return value[int(index)]
