"""Writes the generated part of docs/reference/nsc.md from the commands themselves.

`python scripts/nsc_reference.py` rewrites the file; a test compares. Owns what stands between the
two markers, nothing else of the page.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from isthmus.cli.nsc.command import NscCommand, NscGroup, global_flags
from isthmus.cli.nsc.flags import Flag
from isthmus.cli.nsc.main import command as root

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "nsc.md"
BEGIN, END = "<!-- generated: commands -->", "<!-- end of generated -->"


def generated() -> str:
    """The commands with their flags, and what is refused."""
    shared = {flag.name for flag in global_flags()}
    lines = ["", "### Flags of every command", "", *_table(global_flags())]
    for path, command in _commands(root, ("nsc",)):
        own = [
            param
            for param in command.params
            if isinstance(param, Flag) and not param.hidden and param.name not in shared
        ]
        arguments = [p for p in command.params if isinstance(p, click.Argument)]
        usage = " ".join([*path, *(p.make_metavar(click.Context(command)) for p in arguments)])
        lines += ["", f"### {' '.join(path)}", "", command.help or "", "", f"    {usage} [flags]"]
        if own:
            lines += ["", *_table(own)]
        refused = _refused_flags(command)
        if refused:
            lines += ["", f"Not implemented: {', '.join(refused)}."]
    lines += ["", "### Commands that are not implemented", ""]
    lines += [f"- `{name}`" for name in _refused_commands(root, ("nsc",))]
    return "\n".join([*lines, "", ""])


def _commands(
    group: NscGroup, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group, info_name=path[-1])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, NscGroup):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


def _refused_commands(group: NscGroup, path: tuple[str, ...]) -> list[str]:
    context = click.Context(group, info_name=path[-1])
    found = [" ".join([*path, name]) for name in group.unavailable if "_" not in name]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, NscGroup):
            found += _refused_commands(command, (*path, name))
    return sorted(found)


def _refused_flags(command: click.Command) -> list[str]:
    assert isinstance(command, NscCommand)
    return [f"`{flag.title}`" for flag in command.unavailable]


def _table(flags: list[Flag]) -> list[str]:
    lines = ["| Flag | Value | Meaning |", "|---|---|---|"]
    for flag in flags:
        value = "" if flag.bare == "true" else flag.type.name
        if flag.bare not in {"", "true"}:
            value = f"[={value}], alone: {flag.bare}"
        meaning = (flag.help or "").replace("|", "\\|")
        lines.append(f"| `{flag.title}` | {value} | {meaning} |")
    return lines


def updated(page: str) -> str:
    """The page with its generated part as it should be."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + "\n" + generated() + END + tail


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text()))
