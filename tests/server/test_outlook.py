"""Imports that will not be active, told from tokens alone."""

from isthmus.identity.claims import Export, Import
from isthmus.identity.nkeys import Kind
from isthmus.server.outlook import EXPORTERS_MAX, Outlook
from support.operator_mode import OPERATOR, account_token
from support.tokens import NOW_NS, key

GIVER, TAKER = key(Kind.ACCOUNT, "giver"), key(Kind.ACCOUNT, "taker")
SERVICE = Export(subject="svc.>", type="service")


def wanted(subject, account=GIVER):
    return Import(subject=subject, account=account.public_key, type="service")


def codes(imports, tokens=(), trusted=(OPERATOR.public_key,)):
    """Subject -> why not, for an account with these imports; `tokens` are what the resolver has."""
    outlook = Outlook(_found(tokens), frozenset(trusted))
    found = outlook.refusals(account_token(TAKER, imports=tuple(imports)), NOW_NS)
    return {entry.remote: refusal.code for entry, refusal in found}


def _found(tokens):
    table = dict(tokens)
    return lambda name: table.get(name, "")


def given(*exports, signer=OPERATOR):
    return [(GIVER.public_key, account_token(GIVER, exports=exports, signer=signer))]


def test_what_is_offered_is_not_mentioned():
    assert codes([wanted("svc.a")], given(SERVICE)) == {}


def test_what_is_not_offered_has_a_reason():
    assert codes([wanted("svc.a"), wanted("x")], given(SERVICE)) == {"x": "export_missing"}
    assert codes([wanted("svc.a")]) == {"svc.a": "account_unknown"}


def test_an_exporter_that_nobody_trusted_signed_is_unknown():
    stranger = key(Kind.OPERATOR, "stranger")
    assert codes([wanted("svc.a")], given(SERVICE, signer=stranger)) == {"svc.a": "account_unknown"}


def test_a_token_that_can_not_be_read_is_unknown():
    assert codes([wanted("svc.a")], [(GIVER.public_key, "x.y.z")]) == {"svc.a": "account_unknown"}


def test_an_account_may_import_from_itself():
    assert codes([wanted("a", TAKER)]) == {"a": "export_missing"}


def test_only_so_many_exporters_are_looked_at():
    asked = []

    def load(name):
        asked.append(name)
        return ""

    others = [key(Kind.ACCOUNT, f"other{number}") for number in range(EXPORTERS_MAX + 9)]
    token = account_token(TAKER, imports=tuple(wanted("a", other) for other in others))
    found = Outlook(load, frozenset({OPERATOR.public_key})).refusals(token, NOW_NS)
    assert len(asked) == len(found) == EXPORTERS_MAX


def test_long_tokens_are_not_kept():
    """Some hundreds are remembered; a long one is as large as all the others."""
    asked = []
    outlook = Outlook(lambda name: asked.append(name) or "", frozenset([OPERATOR.public_key]))
    for number in range(200, 203):
        token = account_token(TAKER, imports=tuple(wanted(f"s.{n}") for n in range(number)))
        assert len(outlook.refusals(token, NOW_NS)) == number
    outlook.refusals(account_token(TAKER), NOW_NS)
    assert outlook.remembered == 1
