"""Writes the generated part of docs/reference/nats.md from the commands themselves.

`python scripts/nats_reference.py` rewrites the file; a test compares. Owns what stands between the
two markers, nothing else of the page.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from isthmus.cli.nats.flags import RefusedOption, SharedOption
from isthmus.cli.nats.main import NOT_HERE, NatsGroup, root

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "nats.md"
BEGIN, END = "<!-- generated: commands -->", "<!-- end of generated -->"


def generated() -> str:
    """The commands with their flags, and what is refused."""
    shared = [param for param in root.params if isinstance(param, SharedOption)]
    lines = ["", "### Flags of every command", "", *_table(root, shared)]
    everywhere = {param.opts[0] for param in root.params if isinstance(param, RefusedOption)}
    lines += ["", f"Not supported: {_listed(everywhere)}."]
    for path, names, command in commands(root, "nats"):
        own = [
            param
            for param in command.params
            if isinstance(param, click.Option) and not isinstance(param, SharedOption)
        ]
        usage = " ".join(
            command.collect_usage_pieces(click.Context(command, **command.context_settings))
        )
        lines += ["", f"### {path}", "", command.help or "", "", f"    {path} {usage}"]
        if names:
            lines += ["", f"Also: {_listed(names)}."]
        shown = [param for param in own if not param.hidden]
        if shown:
            lines += ["", *_table(command, shown)]
        refused = {param.opts[0] for param in own if isinstance(param, RefusedOption)} - everywhere
        if refused:
            lines += ["", f"Not supported: {_listed(refused)}."]
    lines += ["", "### Commands that are not supported", ""]
    lines += [f"- `{group}`: {_listed(names.split())}" for group, names in sorted(NOT_HERE.items())]
    return "\n".join([*lines, "", ""])


def commands(group: NatsGroup, path: str) -> Iterator[tuple[str, list[str], click.Command]]:
    """Each verb below `group`: how it is typed, its other names, the command."""
    context = click.Context(group, info_name=path, **group.context_settings)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, NatsGroup):
            yield from commands(command, f"{path} {name}")
        else:
            others = [alias for alias, meant in group.aliases.items() if meant == name]
            yield f"{path} {name}", others, command


def _table(command: click.Command, options: list[click.Option]) -> list[str]:
    lines = ["| Flag | Meaning |", "|---|---|"]
    context = click.Context(command, **command.context_settings)
    for option in options:
        record = option.get_help_record(context)
        assert record is not None
        flag, meaning = (text.replace("|", "\\|") for text in record)
        lines.append(f"| `{flag}` | {meaning} |")
    return lines


def _listed(names: Iterator[str] | list[str] | set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def updated(page: str) -> str:
    """The page with its generated part as it should be."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + "\n" + generated() + END + tail


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text()))
