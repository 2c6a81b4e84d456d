import msgspec
import pytest

from isthmus.identity import jwt, sharing_rules
from isthmus.identity.claims import (
    Activation,
    Export,
    Import,
    ServiceLatency,
    make_activation,
)
from isthmus.identity.findings import Severity
from isthmus.identity.nkeys import Kind
from isthmus.identity.sharing_rules import (
    check_activation,
    check_export,
    check_exports,
    check_import,
    check_imports,
)
from support.tokens import NOW_NS, key

EXPORTER = key(Kind.ACCOUNT, "exporter")
IMPORTER = key(Kind.ACCOUNT, "importer")
STRANGER = key(Kind.ACCOUNT, "stranger")
A, B = EXPORTER.public_key, IMPORTER.public_key


def texts(findings):
    return [finding.text for finding in findings]


def service(subject="a", **changes):
    return Export(subject=subject, type="service", **changes)


def stream(subject="a", **changes):
    return Export(subject=subject, type="stream", **changes)


@pytest.mark.parametrize(
    ("export", "found"),
    [
        (service(), []),
        (service(response_type="Chunked", threshold_ns=1, allow_trace=True), []),
        (stream("a.>", token_required=True), []),
        (service("a.*.b", account_token_position=2), []),
        (service(service_latency=ServiceLatency(sampling=100, results="r")), []),
        (service(service_latency=ServiceLatency(results="r")), []),
        (Export(subject="a"), ['invalid export type: "unknown"']),
        (service(response_type="x"), ['invalid response type for service: "x"']),
        (stream(response_type="Singleton"), ['invalid response type for stream: "Singleton"']),
        (stream(allow_trace=True), ["AllowTrace only valid for service export"]),
        (
            stream(service_latency=ServiceLatency(results="r")),
            ["latency tracking only permitted for services"],
        ),
        (
            service(service_latency=ServiceLatency(sampling=101, results="r.*")),
            [
                "sampling percentage needs to be between 1-100",
                "results subject can not contain wildcards",
            ],
        ),
        (
            service(service_latency=ServiceLatency(sampling=-1, results="")),
            ["sampling percentage needs to be between 1-100", "subject cannot be empty"],
        ),
        (service(threshold_ns=-1), ["negative response threshold is invalid"]),
        (stream(threshold_ns=1), ["response threshold only valid for services"]),
        (service("foo bar"), ['subject "foo bar" cannot have spaces']),
        (
            service("a.b", account_token_position=1),
            ["Account Token Position can only be used with wildcard subjects: a.b"],
        ),
        (
            service("a.*", account_token_position=3),
            ["Account Token Position 3 exceeds length of subject 'a.*'"],
        ),
        (
            service("a.*", account_token_position=1),
            ["Account Token Position 1 matches 'a' but must match a * in: a.*"],
        ),
        (service(info_url="x"), ["error parsing info url: no hostname or scheme"]),
    ],
)
def test_export_rules(export, found):
    assert texts(check_export(export)) == found


@pytest.mark.parametrize(
    ("exports", "found"),
    [
        ((service("a"), stream("a"), service("b")), []),
        ((service("a.>"), service("a.b")), ['service export subject "a.>" already exports "a.b"']),
        (
            (stream("a"), stream("a")),
            ['stream export subject "a" already exports "a"'],
        ),
        (
            (service("a.*"), service("a.b"), service("a.c"), stream("x.>"), stream("x.y")),
            [
                'service export subject "a.*" already exports "a.b"',
                'stream export subject "x.>" already exports "x.y"',
            ],
        ),
    ],
)
def test_exports_of_one_type_do_not_overlap(exports, found):
    assert texts(check_exports(exports)) == found


def take(subject="a", kind="service", **changes):
    return Import(subject=subject, account=A, type=kind, **changes)


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (take(), []),
        (take(local_subject="x", share=True), []),
        (take("a.*", "stream", local_subject="x.$1", allow_trace=True), []),
        (Import(subject="a", account=A), ['invalid import type: "unknown"']),
        (take(allow_trace=True), ["AllowTrace only valid for stream import"]),
        (
            Import(subject="a", type="stream"),
            ["account to import from is not specified"],
        ),
        (
            take(to="x"),
            ["the field to has been deprecated (use LocalSubject instead)"],
        ),
        (
            take(to="x", local_subject="y"),
            [
                "the field to has been deprecated (use LocalSubject instead)",
                "Local Subject replaces To",
            ],
        ),
        (take(""), ["subject cannot be empty"]),
        (
            take("a.*", local_subject="x"),
            ["subject does not contain enough * or reference wildcards $[0-9]"],
        ),
        (
            take(kind="stream", share=True),
            ['sharing information (for latency tracking) is only valid for services: "a"'],
        ),
        (take(token="x.y.z"), ['import "a" contains an invalid activation token']),
    ],
)
def test_import_rules(item, found):
    assert texts(check_import(item, B)) == found


def test_only_the_deprecated_field_is_a_warning():
    severities = {finding.severity for finding in check_import(take(to="x"), B)}
    assert severities == {Severity.WARNING}


def activation(subject="a.>", kind="service", signer=EXPORTER, target=B, **changes):
    body = Activation(subject=subject, kind=kind, **changes)
    return jwt.encode(make_activation(target, subject, body), signer, NOW_NS)


@pytest.mark.parametrize(
    ("subject", "kind", "token", "found"),
    [
        ("a.>", "service", activation(), []),
        ("a.b", "service", activation(), []),
        ("a.*", "stream", activation(kind="stream"), []),
        ("a.b", "service", activation(signer=STRANGER, issuer_account=A), []),
        (
            "svc",
            "service",
            activation("svc", signer=STRANGER),
            ['activation token doesn\'t match account for import "svc"'],
        ),
        (
            "str.>",
            "stream",
            activation("str.>", "stream", target=A),
            ['activation token doesn\'t match account it is being included in, "str.>"'],
        ),
        (
            "a.b",
            "service",
            activation(kind="stream"),
            ["mismatch between token import type stream and type of import service"],
        ),
        (
            "a.b",
            "service",
            activation(kind=""),
            [
                "mismatch between token import type unknown and type of import service",
                'invalid import type: "unknown"',
            ],
        ),
        (
            "svc.>",
            "service",
            activation("svc.a"),
            ['activation token import subject "svc.a" doesn\'t match import "svc.>"'],
        ),
        (
            "svc.>",
            "service",
            activation("svc.*"),
            ['activation token import subject "svc.*" doesn\'t match import "svc.>"'],
        ),
        (
            "a.b",
            "service",
            activation(issuer_account=A + "x"),
            ["account_id is not an account public key"],
        ),
    ],
)
def test_activation_of_an_import(subject, kind, token, found):
    assert texts(check_import(take(subject, kind, token=token), B)) == found


def test_the_deprecated_field_names_the_subject_a_service_token_is_for():
    item = take("local", to="a.b", token=activation())
    assert texts(check_import(item, B)) == [
        "the field to has been deprecated (use LocalSubject instead)"
    ]


def test_an_expired_token_is_no_reason_to_refuse_an_import():
    claims = make_activation(B, "a", Activation(subject="a", kind="service"))
    expired = msgspec.structs.replace(claims, expires_s=1)
    token = jwt.encode(expired, EXPORTER, NOW_NS)
    assert texts(check_import(take(token=token), B)) == []


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ((take("x"), take("y")), []),
        ((take("x", "stream"), take("x", "stream")), []),
        ((take("x"), Import(subject="x", account=B, type="service")), []),
        ((take("x"), take("y", local_subject="z")), []),
        (
            (take("x"), take("x")),
            [
                f'overlapping subject namespace for "x" and "x" in same account "{A}"',
                f'overlapping subject namespace for "x" in account "{A}"',
            ],
        ),
        (
            (take("a.*", local_subject="l.$1"), take("b", local_subject="l.x")),
            [f'overlapping subject namespace for "l.x" and "l.*" in same account "{A}"'],
        ),
    ],
)
def test_local_subjects_of_services_from_one_account_do_not_overlap(imports, found):
    assert texts(check_imports(imports, B)) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (Activation(subject="a", kind="stream"), []),
        (Activation(subject="a", kind="service", issuer_account=A), []),
        (Activation(), ['invalid import type: "unknown"', "subject cannot be empty"]),
        (
            Activation(subject="a b", kind="stream", issuer_account="x"),
            ['subject "a b" cannot have spaces', "account_id is not an account public key"],
        ),
    ],
)
def test_activation_rules(body, found):
    assert texts(check_activation(make_activation(B, "a", body))) == found


@pytest.mark.parametrize(
    ("item", "remote", "local"),
    [
        (take("a"), "a", "a"),
        (take("a", local_subject="l"), "a", "l"),
        (take("a", "stream", to="prefix"), "a", "prefix.a"),
        (take("l", to="a"), "a", "l"),
    ],
)
def test_an_import_has_a_remote_and_a_local_subject(item, remote, local):
    assert (item.remote, item.local) == (remote, local)


# --- very many of them ---

MANY = 5000


def test_very_many_subjects_are_not_compared_each_with_each(monkeypatch):
    monkeypatch.setattr(sharing_rules, "contained_in", None)  # whoever calls it fails
    exports = tuple(service(f"s.{number}.>") for number in range(MANY))
    assert texts(check_exports(exports)) == []
    imports = tuple(take(f"s.{n}.>", local_subject=f"l.{n}.>") for n in range(MANY))
    assert texts(check_imports(imports, B)) == []


def test_of_very_many_that_overlap_one_is_named():
    exports = (*(service(f"s.{number}.>") for number in range(MANY)), service("s.>"))
    assert texts(check_exports(exports)) == ['service export subject "s.>" already exports "s.0.>"']
    imports = tuple(take(f"s.{n}.>", local_subject=f"l.{n}.>") for n in range(MANY))
    assert texts(check_imports((*imports, take("b", local_subject="l.7.x")), B)) == [
        f'overlapping subject namespace for "l.7.x" and "l.7.>" in same account "{A}"'
    ]


def test_wildcards_in_very_many_places_are_refused():
    subjects = ["a." * place + "*" for place in range(600)]
    exports = tuple(service(subject) for subject in subjects)
    assert texts(check_exports(exports)) == [
        "service export subjects have their wildcards in too many different places"
    ]
    assert texts(check_imports(tuple(take(one) for one in subjects), B)) == [
        f'local subjects of account "{A}" have their wildcards in too many different places'
    ]
