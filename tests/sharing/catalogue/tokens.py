"""Faults of activation tokens: for somebody or something else, by the wrong signer, out of time."""

from collections.abc import Callable

from sharing.catalogue.exports import ASK_INFO, PULLING
from sharing.catalogue.fault import EVERYTHING, Fault, steps
from sharing.catalogue.pulled import BY_SHARE, revoke, signing_key_of
from sharing.catalogue.world import (
    ACK,
    CONSUMER,
    DAY_S,
    GIVER,
    HOUR_S,
    INFO,
    NEXT,
    STRANGER,
    World,
)


def with_token(make: Callable[[World], str], subject: str = NEXT) -> Callable[[World], object]:
    """The import of `subject` carries another token."""
    return lambda world: world.edit_import(subject, token=make(world))


def tampered(world: World) -> str:
    """A token whose signature is another's."""
    good, other = world.token(NEXT), world.token(ACK)
    return good.rpartition(".")[0] + "." + other.rpartition(".")[2]


def revoked(subject: str, whom: str) -> Callable[[World], object]:
    return lambda world: revoke(world, subject, whom)


def all_revoked(world: World) -> None:
    for subject in (NEXT, ACK, INFO):
        revoke(world, subject, "ACCTB")


def signing_key_removed(world: World) -> None:
    world.ok(f"edit account --name {GIVER} --rm-sk {signing_key_of(world)}")


def narrow_token(world: World) -> None:
    wide = NEXT.replace(CONSUMER, "*")
    world.edit_import(wide, token=world.token(NEXT))


TOKENS: dict[str, Fault] = {
    "no-token": Fault("guide", with_token(lambda w: ""), ("activation_missing",), NEXT, PULLING),
    "token-for-another-account": Fault(
        "guide",
        with_token(lambda w: w.token(NEXT, to=STRANGER.public_key)),
        ("activation_account",),
        STRANGER.public_key,
        refusal="activation token doesn't match account",
    ),
    "token-for-another-consumer": Fault(
        "guide",
        with_token(lambda w: w.token(NEXT.replace(CONSUMER, "RESTOCKEVENTS-C2"))),
        ("activation_subject",),
        "RESTOCKEVENTS-C2",
        refusal="activation token import subject",
    ),
    "token-for-less": Fault(
        "wildcard-imports",
        narrow_token,
        ("activation_subject",),
        NEXT,
        refusal="activation token import subject",
    ),
    "token-for-a-stream": Fault(
        "guide",
        with_token(lambda w: w.token(NEXT, kind="stream")),
        ("activation_kind",),
        "stream",
        refusal="mismatch between token import type",
    ),
    "token-of-a-stranger": Fault(
        "guide",
        with_token(lambda w: w.token(NEXT, by=STRANGER)),
        ("activation_issuer",),
        STRANGER.public_key,
        refusal="activation token doesn't match account",
    ),
    "token-in-the-givers-name": Fault(
        "guide",
        with_token(lambda w: w.token(NEXT, by=STRANGER, behalf=w.public(GIVER))),
        ("activation_issuer",),
        STRANGER.public_key,
        PULLING,
    ),
    "signing-key-removed": Fault(
        "signing-key",
        signing_key_removed,
        ("activation_issuer",),
        NEXT,
        steps(*["info", "pull", "batch", "ack"]),
    ),
    "token-is-no-token": Fault(
        "guide",
        with_token(lambda w: "not.a.token"),
        ("activation_invalid",),
        NEXT,
        refusal="contains an invalid activation token",
    ),
    "signature-is-wrong": Fault(
        "guide",
        with_token(tampered),
        ("activation_invalid",),
        NEXT,
        refusal="contains an invalid activation token",
    ),
    "token-expired": Fault(
        "guide",
        with_token(lambda w: w.token(NEXT, expires_s=-HOUR_S)),
        ("activation_expired",),
        NEXT,
        PULLING,
    ),
    "token-not-yet-valid": Fault(
        "guide",
        with_token(lambda w: w.token(NEXT, starts_s=DAY_S)),
        ("activation_early",),
        NEXT,
        PULLING,
    ),
    "ack-token-expired": Fault(
        "guide",
        with_token(lambda w: w.token(ACK, expires_s=-DAY_S), ACK),
        ("activation_expired",),
        ACK,
        steps("ack"),
    ),
    "next-revoked": Fault("guide", revoked(NEXT, "ACCTB"), ("activation_revoked",), NEXT, PULLING),
    "next-revoked-for-all": Fault(
        "guide", revoked(NEXT, "*"), ("activation_revoked",), NEXT, PULLING
    ),
    "ack-revoked": Fault(
        "guide", revoked(ACK, "ACCTB"), ("activation_revoked",), ACK, steps("ack"), ask=BY_SHARE
    ),
    "info-revoked": Fault(
        "guide", revoked(INFO, "ACCTB"), ("activation_revoked",), INFO, steps("info"), ask=ASK_INFO
    ),
    "share-revoked": Fault(
        "guide", all_revoked, ("activation_revoked",), CONSUMER, EVERYTHING, ask=BY_SHARE
    ),
}
