"""One grant as one object: what it needs, whether it is complete, why it does not work."""

from isthmus.sharing.acceptance import Accepted, accept
from isthmus.sharing.finding import CODES, HOPS, Explanation, Finding, Hop, by_hop
from isthmus.sharing.instructions import Instructions, instructions
from isthmus.sharing.invite import Invite, Party, read_invite, write_invite
from isthmus.sharing.items import Grant, Item, PullConsumer, ShareError
from isthmus.sharing.refused import refused
from isthmus.sharing.share import Shared, Terms, default_prefix, share

__all__ = [
    "CODES",
    "HOPS",
    "Accepted",
    "Explanation",
    "Finding",
    "Grant",
    "Hop",
    "Instructions",
    "Invite",
    "Item",
    "Party",
    "PullConsumer",
    "ShareError",
    "Shared",
    "Terms",
    "accept",
    "by_hop",
    "default_prefix",
    "instructions",
    "read_invite",
    "refused",
    "share",
    "write_invite",
]
