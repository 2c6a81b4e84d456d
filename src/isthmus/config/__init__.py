"""The configuration file: text with positions to checked options."""

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
    "ExportOptions",
    "ImportOptions",
    "JetStreamLimits",
    "JetStreamOptions",
    "LatencyOptions",
    "Options",
    "PermissionsOptions",
    "ResolverOptions",
    "ResponseRule",
    "SubjectRules",
    "UserOptions",
]
