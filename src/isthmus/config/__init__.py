"""The configuration file: text with positions to checked options.

    text → lexer, parser → tree of nodes → check (along schema) → Options
                                            load: the files     consistency: before a start

The names here are values and errors. `isthmus.config.load` reads a file, `…config.consistency` asks
whether options agree with one another; both load the code for keys and tokens.
"""

from isthmus.config.errors import ConfigError, Finding, Position
from isthmus.config.options import (
    AccountJetStream,
    AccountLimits,
    AccountOptions,
    AuthorizationOptions,
    ExportOptions,
    ImportOptions,
    JetStreamLimits,
    JetStreamOptions,
    LatencyOptions,
    Options,
    PermissionsOptions,
    ResolverOptions,
    ResponseRule,
    SubjectRules,
    UserOptions,
)

__all__ = [
    "AccountJetStream",
    "AccountLimits",
    "AccountOptions",
    "AuthorizationOptions",
    "ConfigError",
    "ExportOptions",
    "Finding",
    "ImportOptions",
    "JetStreamLimits",
    "JetStreamOptions",
    "LatencyOptions",
    "Options",
    "PermissionsOptions",
    "Position",
    "ResolverOptions",
    "ResponseRule",
    "SubjectRules",
    "UserOptions",
]
