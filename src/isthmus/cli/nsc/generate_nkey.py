"""nsc generate nkey: new keys, printed or stored."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import switch
from isthmus.cli.nsc.keystore import make_pair
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.identity.nkeys import Kind


class Options(Value):
    """What was asked for."""

    operator: bool = False
    account: bool = False
    user: bool = False
    curve: bool = False
    store: bool = False

    @property
    def kinds(self) -> list[tuple[str, Kind]]:
        """Names and kinds of the keys to make."""
        named = [
            ("operator", self.operator, Kind.OPERATOR),
            ("account", self.account, Kind.ACCOUNT),
            ("user", self.user, Kind.USER),
            ("curve", self.curve, Kind.CURVE),
        ]
        return [(name, kind) for name, wanted, kind in named if wanted]


@click.command(
    "nkey",
    cls=NscCommand,
    help="Generate keys: prints seed and public key, or stores the seed and prints where.",
)
@switch("-o", "--operator", help="an operator's key", default=False)
@switch("-a", "--account", help="an account's key", default=False)
@switch("-u", "--user", help="a user's key", default=False)
@switch("-x", "--curve", help="a curve key, to seal and open messages", default=False)
@switch(
    "-S", "--store", help="put it into the keystore instead of printing the seed", default=False
)
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    options = Options(**values)
    (invocation.change if options.store else invocation.show)(run, options)


def run(options: Options, store: Store) -> Report:
    """Make the keys, and decide on the keystore if asked to."""
    if not options.kinds:
        raise CommandError("set --operator, --account, --user, or --curve", exit_code=MISUSED)
    report = Report()
    for name, kind in options.kinds:
        pair = make_pair(kind, store.surroundings.entropy)
        if options.store:
            store.keys.put(pair)
            path = store.keys.key_path(pair.public_key)
            report.body += f"{pair.public_key}\n{name} key stored {path}\n\n"
        else:
            report.body += f"{pair.seed}\n{pair.public_key}\n\n"
    return report
