"""One grant as one object: what it needs, whether it is complete, why it does not work."""

from isthmus.sharing.acceptance import Accepted, accept
from isthmus.sharing.explain import explain
from isthmus.sharing.finding import CODES, HOPS, Explanation, Finding, Hop, by_hop
from isthmus.sharing.grants import Grant, ShareError
from isthmus.sharing.instructions import Instructions, instructions
from isthmus.sharing.invite import Invite, Party, read_invite, write_invite
from isthmus.sharing.items import Bucket, Feed, Item, Origin, PullConsumer, PushConsumer, Service
from isthmus.sharing.lint import lint
from isthmus.sharing.listing import Accounts, Share, Standing, given, received
from isthmus.sharing.refused import refused
from isthmus.sharing.revocation import (
    Change,
    Revoked,
    Selection,
    find_item,
    held_item,
    hits,
    revoke,
)
from isthmus.sharing.share import Shared, Terms, default_prefix, share
from isthmus.sharing.told import Told
from isthmus.sharing.world import Question, World

__all__ = [
    "CODES",
    "HOPS",
    "Accepted",
    "Accounts",
    "Bucket",
    "Change",
    "Explanation",
    "Feed",
    "Finding",
    "Grant",
    "Hop",
    "Instructions",
    "Invite",
    "Item",
    "Origin",
    "Party",
    "PullConsumer",
    "PushConsumer",
    "Question",
    "Revoked",
    "Selection",
    "Service",
    "Share",
    "ShareError",
    "Shared",
    "Standing",
    "Terms",
    "Told",
    "World",
    "accept",
    "by_hop",
    "default_prefix",
    "explain",
    "find_item",
    "given",
    "held_item",
    "hits",
    "instructions",
    "lint",
    "read_invite",
    "received",
    "refused",
    "revoke",
    "share",
    "write_invite",
]
