"""A share ends as a whole: by revocation on both servers, by expiry within a second on ours."""

import asyncio
import time
from datetime import UTC, datetime

import nats
import pytest
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NoAnswerError

from oracle.test_guide import Guide

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

NAMED = "--account ACCTC --stream RESTOCKEVENTS --consumer RESTOCKEVENTS-C1 --with ACCTB"
NEXT = "ACCTC.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"
ACK = "$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.1.1.1.1.0"
INFO = "ACCTC.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"
SUBJECTS = {NEXT: b'{"batch":1,"no_wait":true}', ACK: b"", INFO: b""}
REMOTE = (
    "$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1",
    "$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>",
    "$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1",
)


@pytest.fixture
def guide(kind, tmp_path):
    made = Guide(kind, tmp_path)
    yield made
    made.stop()


async def open_subjects(client):
    """Which of the share's subjects reach somebody; an unknown ack is not answered."""
    found = set()
    for subject, body in SUBJECTS.items():
        try:
            await client.request(subject, body, timeout=0.3 if subject == ACK else 5)
        except NoRespondersError:
            continue
        except NoAnswerError:
            assert subject == ACK
        found.add(subject)
    return found


def connect(guide):
    creds = str(guide.shell.folder / "ACCTB.creds")
    return nats.connect(guide.server.url, user_credentials=creds)


def test_a_revocation_ends_all_subjects_and_a_renewal_opens_them_again(guide):
    guide.add_stream()
    guide.shell.run(f"nsc share consumer {NAMED} --accept -o old.invite")
    guide.push()
    asyncio.run(_revoke_and_renew(guide))


async def _revoke_and_renew(guide):
    client = await connect(guide)
    assert await open_subjects(client) == set(SUBJECTS)
    out = await asyncio.to_thread(guide.shell.run, f"nsc share revoke {NAMED} --yes --push")
    assert await open_subjects(client) == set()
    for subject in REMOTE:
        assert f'[ OK ] ACCTB: "{subject}" was active, is revoked' in out
        assert f'[ OK ] ACCTB: "{subject}" is revoked there' in out
    assert "jwt updated" in out
    assert "revoked" in guide.shell.run("nsc shares --account ACCTB")
    assert "revoked" in guide.shell.fail("nsc accept old.invite --account ACCTB")

    await asyncio.to_thread(guide.shell.run, f"nsc share renew {NAMED} --accept")
    await asyncio.to_thread(guide.push)
    assert await open_subjects(client) == set(SUBJECTS)
    assert guide.shell.run("nsc shares --account ACCTB").count("active") == 1
    await client.close()


@pytest.mark.parametrize("kind", ["isthmus"])
def test_no_subject_outlives_the_end_by_a_second(guide):
    """The real server keeps renamed imports open until something else is changed."""
    guide.add_stream()
    ends_s = int(time.time()) + 12
    moment = datetime.fromtimestamp(ends_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    guide.shell.run(f"nsc share consumer {NAMED} --accept --expires '{moment}'")
    guide.push()
    asyncio.run(_until_it_ends(guide, ends_s))
    assert "expired" in guide.shell.run("nsc shares --account ACCTB")


async def _until_it_ends(guide, ends_s):
    client = await connect(guide)
    last_s = dict.fromkeys(SUBJECTS, 0.0)
    while True:
        asked_s = time.time()
        found = await open_subjects(client)
        for subject in found:
            last_s[subject] = asked_s
        if not found:
            break
        await asyncio.sleep(0.05)
    assert min(last_s.values()) > 0, "all of them were open before"
    assert max(last_s.values()) < ends_s + 1
    assert time.time() > ends_s - 0.1, "and none ended before its time"
    await client.close()
