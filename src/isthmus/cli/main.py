"""`isthmus`: one name for the server, both tools and the demonstration.

Owns the first word of the command line and nothing behind it. Imports what was asked for, so each
command starts as fast as if it were called by its own name.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

DONE, MISUSED = 0, 2

_TOOLS = {
    "nsc": ("isthmus.cli.nsc.main", "operators, accounts, users and what they share"),
    "nats": ("isthmus.cli.nats.main", "publish, subscribe, streams, consumers"),
    "demo": ("isthmus.cli.demo.main", "share a stream between accounts, on a temporary server"),
}


def main() -> None:
    """The entry point."""
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Carry out one command line; the exit code."""
    word, rest = (args[0], args[1:]) if args else ("", [])
    if word == "server":
        from isthmus.cli.serve import run as serve

        return serve(rest, os.environ)
    if word in _TOOLS:
        return _tool(word, rest)
    if word in {"--version", "-v", "version"}:
        from importlib.metadata import version

        print(f"isthmus {version('isthmus')}")
        return DONE
    if word in {"--help", "-h", "help"}:
        print(_usage())
        return DONE
    text = f'unknown command "{word}"' if word else "no command given"
    sys.stderr.write(f"isthmus: {text}\n{_usage()}\n")
    return MISUSED


def _tool(word: str, rest: Sequence[str]) -> int:
    """Run a tool's own entry point, which reads the process's arguments and ends the process."""
    module, _ = _TOOLS[word]
    sys.argv = [f"isthmus {word}", *rest]
    import_module(module).main()
    return DONE


def _usage() -> str:
    rows = {"server": "a NATS-compatible server with nats-server's flags"}
    rows |= {word: about for word, (_, about) in _TOOLS.items()}
    lines = [f"  isthmus {word:<8} {about}" for word, about in rows.items()]
    return "\n".join(("Usage: isthmus <command> …, isthmus --version", "", *lines))


if __name__ == "__main__":
    main()
