"""All planted faults by name."""

from sharing.catalogue.exports import EXPORTS
from sharing.catalogue.fault import Fault
from sharing.catalogue.imports import IMPORTS
from sharing.catalogue.people import PEOPLE
from sharing.catalogue.server import SERVER
from sharing.catalogue.tokens import TOKENS

FAULTS: dict[str, Fault] = EXPORTS | IMPORTS | TOKENS | PEOPLE | SERVER
