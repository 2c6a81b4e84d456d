"""The reference of the configuration file, written from the schema.

    python -m isthmus.config.document > docs/reference/configuration.md

Owns the text around the tables. A test compares the file with what this makes, so the reference
can not tell of an option that does not exist, or be silent about one that does.
"""

import sys

from isthmus.config.schema import SCHEMA, Option, Type

_START = """\
# Configuration file

Written from `src/isthmus/config/schema.py` by `python -m isthmus.config.document`; edit that.

`isthmus server -c FILE` reads a configuration in nats-server's format; `-t -c FILE` checks it and
prints its digest. Flags of the command line win over the file.

```
# comments begin with # or //
listen: 127.0.0.1:4222          # `key value`, `key = value` and `key: value` are the same
max_payload: 1MB                # k, m, g, t: powers of 1000; kb, mb, … and ki, kib: of 1024
ping_interval: "20s"            # durations are strings: 1h30m, 5s, 250ms

password: $ADMIN_PASSWORD       # an entry above, or a variable of the environment
accounts {
  APP { users: [ {user: app, password: $password} ], jetstream: enabled }
}
include "tls-and-more.conf"     # relative to this file
```

- Entries end with a new line, `,` or `;`; elements of an array with a new line or `,`. The whole
  file may be JSON.
- A string needs quotes if it holds blanks, `,` `;` `]` `}` or `'`, or looks like a number, a
  boolean or a time. In double quotes `\\t \\n \\r \\" \\\\ \\x41` are escapes, in single quotes
  nothing is. A block begins with `(` and ends with a line of `)` alone.
- Names of options do not depend on case. A later entry replaces an earlier one of the same name.
- A variable may be defined as an entry of its own: `pw: secret`, then `password: $pw`. A bare
  `$2a$…` is a bcrypt hash, other hashes need quotes.
- An unknown name is an error, and so is an option of nats-server that is not implemented here. The
  message says where, and what to do: `server.conf:3:1: "tls" is not implemented in isthmus: remove
  it and let a proxy in front of the server speak TLS`. Where the table says so, `false` and 0 ask
  for nothing and are accepted.
- Every mistake of a file is reported at once: `file:line:column: what`. A column counts bytes, from
  0 on the first line and from 1 on every other, as nats-server counts.
"""

_TITLES = {
    "": ("Top level", ""),
    "authorization": (
        "`authorization`",
        "Users outside accounts, in `$G`; it has JetStream if there is no other account.",
    ),
    "user": ("A user", "An entry of `users`: `user` and `password`, or `nkey`."),
    "permissions": ("Permissions", "Of a user, or the default of an account."),
    "subject rules": ("`publish`, `subscribe`", "A map instead of a list of allowed subjects."),
    "responses": ("`allow_responses`", "A map instead of `true`."),
    "account": ("An account", "An entry of `accounts`, by its name."),
    "export": ("An export", "An entry of `exports`: a `stream` or a `service`."),
    "latency": ("`latency`", "A map instead of a subject."),
    "import": ("An import", "An entry of `imports`: a `stream` or a `service`."),
    "import source": ("`stream` and `service` of an import", ""),
    "limits": ("`limits` of an account", "-1 is unlimited."),
    "account jetstream": ("`jetstream` of an account", "-1 is unlimited."),
    "jetstream": ("`jetstream`", "A map turns it on unless `enabled: false`."),
    "jetstream limits": ("`limits` of `jetstream`", ""),
    "resolver": ("`resolver`", "A map instead of `MEMORY`."),
}


def document() -> str:
    """The whole reference."""
    parts = [_START]
    for block, options in SCHEMA.items():
        title, text = _TITLES[block]
        parts.append(f"## {title}\n" + (f"\n{text}\n" if text else ""))
        parts.append(_table([option for option in options if not option.missing]))
        missing = [option for option in options if option.missing]
        if missing:
            parts.append("Not implemented, refused by name:\n")
            parts.append(_missing(missing))
    return "\n".join(parts)


def _table(options: list[Option]) -> str:
    rows = ["| Option | Takes | Default | Meaning |", "|---|---|---|---|"]
    for option in options:
        names = ", ".join(f"`{name}`" for name in (option.name, *option.aliases))
        takes = "" if option.type is Type.ANY else option.type.value
        default = option.default
        if default and " " not in default:
            default = f"`{default}`"
        rows.append(f"| {names} | {takes}{_bounds(option)} | {default} | {option.about} |")
    return "\n".join(rows) + "\n"


def _bounds(option: Option) -> str:
    if option.least is not None and option.most is not None:
        return f", {option.least} to {option.most}"
    if option.least is not None and option.least > 0:
        return f", at least {option.least}"
    return ""


def _missing(options: list[Option]) -> str:
    rows = ["| Option | What to do | Accepted |", "|---|---|---|"]
    for option in options:
        names = ", ".join(f"`{name}`" for name in (option.name, *option.aliases))
        accepted = "`false`, 0" if option.inert else ""
        rows.append(f"| {names} | {option.missing} | {accepted} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
