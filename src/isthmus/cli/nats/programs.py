"""Programs that a verb runs on messages: `--translate` and `reply --command`.

Owns starting one and collecting what it prints. A command line is split into words before its
templates are filled, and no shell is involved: what arrives in a message stays inside its word.
"""

import asyncio
import re
import shlex
from collections.abc import Callable, Mapping, Sequence

from isthmus.cli.groups import CommandError

_CALL = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_KEPT = re.compile(r"\x00(\d+)\x00")


async def run_program(
    words: Sequence[str], body: bytes = b"", environ: Mapping[str, str] | None = None
) -> tuple[bytes, str]:
    """What a program prints, given `body` as its input; and what went wrong, or nothing."""
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environ,
        )
    except OSError as error:
        return b"", f'exec: "{words[0]}": {error.strerror}'
    except ValueError as error:  # a NUL among the words
        return b"", str(error)
    try:
        output, _ = await process.communicate(body)
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    code = process.returncode
    return output, f"exit status {code}" if code else ""


def split_command(command: str, fill: Callable[[str], str] = str) -> list[str]:
    """The words of a command line, at least one, each with its templates replaced by `fill`."""
    calls: list[str] = []

    def keep(found: re.Match[str]) -> str:
        calls.append(found[0])
        return f"\x00{len(calls) - 1}\x00"

    try:
        words = shlex.split(_CALL.sub(keep, command))
    except ValueError as error:
        raise CommandError(f'cannot read command "{command}": {error}') from None
    if not words:
        raise CommandError("the command is empty")
    return [fill(_KEPT.sub(lambda found: calls[int(found[1])], word)) for word in words]
