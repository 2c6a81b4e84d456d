"""Accounts as documents."""

import json

import pytest

from isthmus.accounts.imports import Refusal
from isthmus.accounts.spec import AccountSpec, Export, Import, Latency
from isthmus.base.errors import UsageError
from isthmus.base.values import to_json
from isthmus.monitor.accountz import make_accountz, make_stats
from isthmus.monitor.census import ImportSnapshot, SublistSnapshot, TenantSnapshot
from isthmus.monitor.snapshots import ServerSnapshot


class FixedCensus:
    def __init__(self, *tenants):
        self._tenants = {tenant.spec.name: tenant for tenant in tenants}

    def names(self):
        return sorted(self._tenants)

    def tenant(self, name):
        return self._tenants.get(name)


SERVER = ServerSnapshot(server_id="N", server_name="n", start_ns=0, now_ns=1, system_account="SYS")
WANTED = Import(kind="service", account="A", remote="s.x", local="t.x")


def detail(*imports, **fields):
    tenant = TenantSnapshot(spec=AccountSpec(name="B", **fields), imports=imports)
    document = make_accountz(SERVER, FixedCensus(tenant), "B")
    return json.loads(to_json(document))["account_detail"]


def own(found):
    return [one for one in found["imports"] if one["account"] != "SYS"]


def test_an_import_that_is_refused_says_why():
    refusal = Refusal(code="export_missing", reason="account A exports no service")
    found = detail(ImportSnapshot(wanted=WANTED, refusal=refusal))
    (one,) = own(found)
    assert one["invalid"]
    assert one["finding"] == {
        "code": "export_missing",
        "hop": "export",
        "subject": "t.x",
        "cause": "service import of 's.x' is not active: account A exports no service",
        "fix": [],
    }
    assert not found["complete"]


def test_an_import_that_is_active_has_no_finding():
    found = detail(ImportSnapshot(wanted=WANTED, latency=Latency(subject="l", percent=50)))
    (one,) = own(found)
    assert "finding" not in one
    assert one["latency"] == {"sampling": 50, "results": "l"}
    assert found["complete"]


def test_names_in_configuration_mode_have_no_token():
    found = detail(exports=(Export(kind="service", subject="s", approved=frozenset("YX")),))
    assert not found.keys() & {"jwt", "issuer_key", "decoded_jwt", "tags"}
    assert found["exports"][0]["approved_accounts"] == ["X", "Y"]
    assert found["name_tag"] == "B"


def test_a_token_that_can_not_be_read_does_not_fail_the_document():
    assert "decoded_jwt" not in detail(token="no token")


def test_without_a_name_all_are_named():
    tenants = (TenantSnapshot(spec=AccountSpec(name=name)) for name in "BA")
    document = make_accountz(SERVER, FixedCensus(*tenants), "")
    assert document.accounts == ("A", "B")
    assert document.account_detail is None


def test_an_unknown_name_is_an_error():
    with pytest.raises(UsageError, match="Account X does not exist"):
        make_accountz(SERVER, FixedCensus(), "X")


def test_how_often_a_look_up_was_a_hit():
    assert make_stats(SublistSnapshot(matches=4, cache_hits=1)).cache_hit_rate == 0.25
    assert make_stats(SublistSnapshot()).cache_hit_rate == 0
