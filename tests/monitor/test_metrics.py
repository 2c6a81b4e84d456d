"""The page for Prometheus."""

import re

from isthmus.accounts.imports import Refusal
from isthmus.accounts.spec import Import
from isthmus.base.slices import at_once
from isthmus.monitor import metrics
from isthmus.monitor.census import ConsumerSnapshot, ImportSnapshot, UsageSnapshot
from isthmus.monitor.metrics import GRANTS_MAX, make_metrics
from isthmus.monitor.snapshots import JetStreamSnapshot, ServerSnapshot

SERVER = ServerSnapshot(
    server_id="N", server_name="n", start_ns=1_500_000_000, now_ns=1, connections=3, in_messages=7
)


class FixedCensus:
    def __init__(self, *grants):
        self._grants = grants

    def grants(self):
        return iter(self._grants)


def grant(remote, account="B", **fields):
    wanted = Import(kind="service", account="A", remote=remote, local="l")
    return account, "name", ImportSnapshot(wanted=wanted, **fields)


def page(*grants, jetstream=None):
    return at_once(make_metrics(SERVER, jetstream, FixedCensus(*grants))).decode()


def values(text):
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return dict(line.rsplit(" ", 1) for line in lines)


LABELS = (
    '{account="B",account_name="name",exporter="A",kind="service",subject="s",local_subject="l"}'
)


def test_the_server():
    found = values(page(jetstream=JetStreamSnapshot(streams=4, problem="disk full")))
    assert found["isthmus_connections"] == "3"
    assert found["isthmus_in_messages_total"] == "7"
    assert found["isthmus_start_time_seconds"] == "1.5"
    assert (found["isthmus_jetstream_streams"], found["isthmus_jetstream_healthy"]) == ("4", "0")
    assert "isthmus_jetstream_streams" not in values(page())


def test_a_grant():
    usage = UsageSnapshot(
        messages=1, bytes=2, answers=3, answer_bytes=4, deliveries=5, used_ns=6_250_000_000
    )
    consumer = ConsumerSnapshot(stream="S", name="C", acknowledged_ns=0, unacknowledged=8)
    found = values(page(grant("s", usage=usage, consumer=consumer)))
    assert {name.partition("{")[0]: value for name, value in found.items() if "{" in name} == {
        "isthmus_grant_active": "1",
        "isthmus_grant_messages_total": "1",
        "isthmus_grant_bytes_total": "2",
        "isthmus_grant_answers_total": "3",
        "isthmus_grant_answer_bytes_total": "4",
        "isthmus_grant_deliveries_total": "5",
        "isthmus_grant_last_used_seconds": "6.25",
        "isthmus_grant_unacknowledged": "8",
    }
    assert f"isthmus_grant_active{LABELS}" in found


def test_a_grant_that_is_refused():
    found = values(page(grant("s", refusal=Refusal(code="export_missing", reason="no"))))
    assert found[f"isthmus_grant_active{LABELS}"] == "0"
    assert f"isthmus_grant_messages_total{LABELS}" not in found


def test_each_metric_is_one_group_with_its_type():
    text = page(grant("s"), grant("t"), jetstream=JetStreamSnapshot())
    families = re.findall(r"^# TYPE (\S+) (counter|gauge)$", text, re.MULTILINE)
    names = [line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"]
    groups = list(dict.fromkeys(names))
    assert groups == [name for name, _ in families if name in groups]
    assert [name for name in names if name in groups] == sorted(names, key=groups.index)
    assert all((kind == "counter") == name.endswith("_total") for name, kind in families)


def test_names_are_quoted():
    found = page(grant('a"b\\c\nd'))
    assert r'subject="a\"b\\c\nd"' in found


def test_no_series_comes_twice():
    text = page(grant("s"), grant("s"))
    assert text.count("isthmus_grant_active{") == 1


def test_there_is_a_bound():
    found = page(*(grant(f"s{number}") for number in range(GRANTS_MAX + 5)))
    assert found.count("isthmus_grant_active{") == GRANTS_MAX
    assert values(found)["isthmus_grants_omitted"] == "5"


def test_many_grants_take_many_slices(monkeypatch):
    monkeypatch.setattr(metrics, "_SLICE", 10)
    grants = FixedCensus(*(grant(f"s{number}") for number in range(100)))
    pauses = sum(1 for _ in make_metrics(SERVER, None, grants))
    assert pauses == 10 * (1 + 9)
