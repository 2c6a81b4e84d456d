"""What nsc makes, taken by a server: the full resolver, pushes, logins, grants and revocations."""

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from nats.errors import NoRespondersError

from isthmus.cli.nats.connect import read_by_server
from isthmus.cli.nsc import resolver
from support.nsc import Nsc, guide
from support.servers import ServerProcess

pytestmark = [pytest.mark.oracle, pytest.mark.real]

ASK = "'$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1'"
LOCAL = "ACCTC.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"


class World:
    """nsc on a real clock, and a server in operator mode with nothing but the system account."""

    def __init__(self, folder: Path, kind: str, *, jetstream: bool = False) -> None:
        self.nsc = Nsc(folder / "nsc", seed=str(time.time_ns()))
        self.nsc.now_s = int(time.time()) - 60
        guide(self.nsc)
        config = self.nsc.ok("generate config --nats-resolver")
        config = config.replace("./jwt", str(folder / "jwt"))
        config = config.replace("allow_delete: false", "allow_delete: true")
        if jetstream:
            config += f"jetstream {{ store_dir: '{folder / 'jetstream'}' }}\n"
        self.server = ServerProcess(kind, folder / "server", config=config)
        self.server.start()
        self.nsc.ok(f"edit operator --account-jwt-server-url {self.server.url}")

    def creds(self, account: str, user: str) -> str:
        return str(self.nsc.keys / "creds" / "O" / account / f"{user}.creds")

    def connect(self, account: str, user: str):
        return nats.connect(
            self.server.url,
            user_credentials=self.creds(account, user),
            allow_reconnect=False,
            connect_timeout=5,
        )


@pytest.fixture
def world(tmp_path, kind) -> Iterator[World]:
    made = World(tmp_path, kind)
    yield made
    made.server.stop()


@pytest.fixture
def storing_world(tmp_path, kind) -> Iterator[World]:
    made = World(tmp_path, kind, jetstream=True)
    yield made
    made.server.stop()


def test_a_push_reaches_the_server(world):
    out = world.nsc.ok("push -A")
    lines = out.splitlines()
    assert lines[0] == (
        f'[ OK ] push to nats-server "{world.server.url}" using system account "SYS":'
    )
    for name in ("ACCTB", "ACCTC", "SYS"):
        assert f"       [ OK ] push {name} to nats-server with nats account resolver:" in lines
        assert any(f'pushed "{name}" to nats-server ' in line for line in lines)
    assert lines.count(" " * 14 + "[ OK ] pushed to a total of 1 nats-server") == 3
    pushed = {path.stem for path in (world.server.folder.parent / "jwt").glob("*.jwt")}
    assert pushed == {world.nsc.key(name) for name in ("ACCTB", "ACCTC", "SYS")}


def test_one_account_is_pushed_by_name_or_because_it_is_current(world):
    assert 'pushed "ACCTC"' in world.nsc.ok("push -a ACCTC")
    assert 'pushed "ACCTB"' in world.nsc.ok("push")


def test_without_an_account_server_the_first_service_url_is_pushed_to(world):
    world.nsc.ok(f"edit operator --rm-account-jwt-server-url --service-url {world.server.url}")
    assert f'push to nats-server "{world.server.url}"' in world.nsc.ok("push -a ACCTB")


def test_users_log_in_after_the_push_and_not_before(world):
    async def scenario():
        with pytest.raises(nats.errors.Error):
            await world.connect("ACCTB", "B")
        await asyncio.to_thread(world.nsc.ok, "push -A")
        client = await world.connect("ACCTB", "B")
        await client.flush()
        await client.close()

    asyncio.run(scenario())


def test_a_grant_lets_through_a_revocation_stops_and_its_removal_lets_through_again(world):
    nsc = world.nsc
    nsc.ok(f"add export -a ACCTC --name NEXT --subject {ASK} --service --private")
    nsc.ok(f"generate activation -a ACCTC -t ACCTB --subject {ASK} -o next.tok")
    nsc.ok(f"add import -a ACCTB --token next.tok --local-subject {LOCAL}")
    nsc.ok("push -A")

    async def ask(client) -> bytes | None:
        with contextlib.suppress(NoRespondersError):
            return (await client.request(LOCAL, b"ask", timeout=5)).data
        return None

    async def scenario():
        answering = await world.connect("ACCTC", "C")

        async def answer(message):
            await message.respond(b"granted")

        await answering.subscribe(ASK.strip("'"), cb=answer)
        await read_by_server(answering, 5)
        asking = await world.connect("ACCTB", "B")
        assert await ask(asking) == b"granted"
        await asyncio.to_thread(
            nsc.ok, f"revocations add-activation -a ACCTC -s {ASK} --service -t ACCTB"
        )
        await asyncio.to_thread(nsc.ok, "push -a ACCTC")
        assert await ask(asking) is None
        await asyncio.to_thread(
            nsc.ok, f"revocations delete-activation -a ACCTC -s {ASK} --service -t ACCTB"
        )
        await asyncio.to_thread(nsc.ok, "push -a ACCTC")
        assert await ask(asking) == b"granted"
        await asking.close()
        await answering.close()

    asyncio.run(scenario())


def test_a_token_signed_by_a_signing_key_is_taken(world):
    nsc = world.nsc
    nsc.ok("edit operator --sk generate")
    nsc.ok("edit account ACCTC --sk generate")
    key = json.loads(nsc.ok("describe account ACCTC --field nats.signing_keys[0]"))
    nsc.ok(f"add user -a ACCTC -n S -K {key}")
    assert json.loads(nsc.ok("describe user -a ACCTC S --field iss")) == key
    nsc.ok("push -A")

    async def scenario():
        client = await world.connect("ACCTC", "S")
        await client.flush()
        await client.close()

    asyncio.run(scenario())


def test_jetstream_limits_count(storing_world):
    storing_world.nsc.ok("push -A")

    async def scenario():
        with_storage = await storing_world.connect("ACCTC", "C")
        reply = await with_storage.request("$JS.API.INFO", b"", timeout=5)
        assert "error" not in json.loads(reply.data), reply.data
        without = await storing_world.connect("ACCTB", "B")
        reply = await without.request("$JS.API.INFO", b"", timeout=5)
        assert json.loads(reply.data)["error"]["err_code"] == 10039
        await with_storage.close()
        await without.close()

    asyncio.run(scenario())


def test_permissions_count(world):
    world.nsc.ok("add user -a ACCTB -n P --allow-pub may.> --allow-sub _INBOX.>")
    world.nsc.ok("push -A")

    async def scenario():
        complaints = asyncio.Queue()

        async def complain(error):
            complaints.put_nowait(str(error))

        client = await nats.connect(
            world.server.url, user_credentials=world.creds("ACCTB", "P"), error_cb=complain
        )
        await client.publish("may.be", b"")
        await read_by_server(client, 5)
        await client.publish("must.not", b"")
        complaint = await asyncio.wait_for(complaints.get(), 10)
        await client.close()
        assert "ermissions" in complaint
        assert "must.not" in complaint

    asyncio.run(scenario())


def test_what_the_server_refuses_is_a_failed_push(world):
    done = world.nsc("push -a ACCTC --system-user nobody")
    assert done.code == 1
    assert "no system account user" in done.err
    world.nsc.ok("add user -a SYS -n weak --allow-pub nothing --allow-sub _INBOX.>")
    done = world.nsc("push -a ACCTC --system-user weak")
    assert done.code == 1
    assert "failed to get response to push account: nats: timeout" in done.err
    assert done.err.splitlines()[-1] == "Error: all jobs failed"


def test_a_memory_resolver_configuration_starts_a_server(tmp_path, kind):
    nsc = Nsc(tmp_path / "nsc", seed=str(time.time_ns()))
    nsc.now_s = int(time.time()) - 60
    guide(nsc)
    with ServerProcess(
        kind, tmp_path / "server", config=nsc.ok("generate config --mem-resolver")
    ) as server:

        async def scenario():
            creds = str(nsc.keys / "creds" / "O" / "ACCTB" / "B.creds")
            client = await nats.connect(server.url, user_credentials=creds, connect_timeout=5)
            await client.flush()
            await client.close()

        asyncio.run(scenario())


def test_something_that_never_answers_is_not_waited_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(resolver, "CONNECT_TIMEOUT_S", 0.1)
    nsc = Nsc(tmp_path)
    guide(nsc)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        done = nsc(f"push -A -u nats://127.0.0.1:{port}")
    assert done.code == 1
    assert "failed to connect" in done.err


def test_a_user_of_a_role_gets_what_its_template_says_and_no_more(world):
    nsc = world.nsc
    nsc.ok(
        "edit signing-key -a ACCTB --sk generate --role asking --subs 1"
        " --allow-pub ask.{{name()}}.{{tag(team)}} --allow-sub _INBOX.>"
    )
    nsc.ok("add user -a ACCTB -n scoped -K asking --tag team:red")
    nsc.ok("push -A")

    async def scenario():
        complaints: asyncio.Queue[str] = asyncio.Queue()
        gone = asyncio.Event()

        async def complain(error):
            complaints.put_nowait(str(error))

        async def closed():
            gone.set()

        observer = await world.connect("ACCTB", "B")
        seen = await observer.subscribe("ask.>")
        await read_by_server(observer, 5)
        client = await nats.connect(
            world.server.url,
            user_credentials=world.creds("ACCTB", "scoped"),
            allow_reconnect=False,
            error_cb=complain,
            closed_cb=closed,
        )
        await client.publish("ask.scoped.blue", b"")
        complaint = await asyncio.wait_for(complaints.get(), 10)
        assert "ermissions" in complaint
        assert "ask.scoped.blue" in complaint
        await client.publish("ask.scoped.red", b"may")
        message = await seen.next_msg(timeout=10)
        assert (message.subject, message.data) == ("ask.scoped.red", b"may")
        await client.subscribe("_INBOX.one")
        await client.subscribe("_INBOX.two")
        await asyncio.wait_for(gone.wait(), 10)
        assert "maximum subscriptions exceeded" in str(client.last_error)
        await observer.close()

    asyncio.run(scenario())


def test_a_role_that_changes_changes_its_users(world):
    nsc = world.nsc
    nsc.ok("edit signing-key -a ACCTB --sk generate --role asking --allow-pub a --allow-sub b")
    nsc.ok("add user -a ACCTB -n scoped -K asking")
    nsc.ok("edit signing-key -a ACCTB --sk asking --rm a --allow-pub c")
    nsc.ok("push -A")

    async def scenario():
        complaints: asyncio.Queue[str] = asyncio.Queue()

        async def complain(error):
            complaints.put_nowait(str(error))

        client = await nats.connect(
            world.server.url, user_credentials=world.creds("ACCTB", "scoped"), error_cb=complain
        )
        await client.publish("c", b"")
        await client.publish("a", b"")
        complaint = await asyncio.wait_for(complaints.get(), 10)
        assert '"a"' in complaint
        await client.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("whom", ["--name B", "--user-public-key '*'"])
def test_a_revoked_user_is_cut_off_until_it_gets_new_creds(world, whom):
    nsc = world.nsc
    nsc.ok("push -A")

    async def scenario():
        gone = asyncio.Event()

        async def closed():
            gone.set()

        client = await nats.connect(
            world.server.url,
            user_credentials=world.creds("ACCTB", "B"),
            allow_reconnect=False,
            closed_cb=closed,
        )
        await asyncio.to_thread(nsc.ok, f"revocations add-user -a ACCTB {whom}")
        await asyncio.to_thread(nsc.ok, "push -a ACCTB")
        await asyncio.wait_for(gone.wait(), 10)
        assert client.is_closed
        with pytest.raises(nats.errors.Error):
            await world.connect("ACCTB", "B")
        nsc.ok("edit user -a ACCTB -n B --tag again")
        client = await world.connect("ACCTB", "B")
        await client.flush()
        await client.close()

    asyncio.run(scenario())


def test_a_revocation_that_is_deleted_lets_the_old_creds_in_again(world):
    nsc = world.nsc
    nsc.ok("revocations add-user -a ACCTB --name B")
    nsc.ok("push -A")

    async def scenario():
        with pytest.raises(nats.errors.Error):
            await world.connect("ACCTB", "B")
        await asyncio.to_thread(nsc.ok, "revocations delete-user -a ACCTB --name B")
        await asyncio.to_thread(nsc.ok, "push -a ACCTB")
        client = await world.connect("ACCTB", "B")
        await client.flush()
        await client.close()

    asyncio.run(scenario())


def resolver_files(world) -> set[str]:
    return {path.stem for path in (world.server.folder.parent / "jwt").glob("*.jwt")}


def test_what_only_the_server_has_is_shown_and_removed(world):
    nsc = world.nsc
    nsc.ok("add account GONE")
    gone = nsc.key("GONE")
    nsc.ok("push -A")
    assert gone in resolver_files(world)
    nsc.ok("delete account GONE")
    server = nsc.ok("push -D").splitlines()[1].split("nats-server ")[1].rstrip(":")
    keys = {nsc.key(name): name for name in ("ACCTB", "ACCTC", "SYS")}
    listed = [
        " " * 14 + (f"[ OK ] account {key} named {keys[key]} exists")
        if key in keys
        else " " * 14 + f"[ OK ] account {key} only exists in server"
        for key in sorted([*keys, gone])
    ]
    head = f"       [ OK ] list 4 accounts from nats-server {server}:"
    total = "       [ OK ] listed accounts from a total of 1 nats-server"
    assert nsc.ok("push --diff").splitlines() == [
        "[ OK ] diff nats-server with nats account resolver:",
        head,
        *listed,
        total,
    ]
    assert nsc.ok("push --prune").splitlines() == [
        "[ OK ] prune nats-server with nats account resolver:",
        head,
        *listed,
        total,
        f"       [ OK ] pruned nats-server {server}: deleted 1 accounts",
    ]
    assert resolver_files(world) == set(keys)
    both = nsc.ok("push -A -P").splitlines()
    assert both[0].startswith("[ OK ] push to nats-server")
    assert "       [ OK ] nothing to prune" in both
    assert both[-1] == "all jobs succeeded"


def test_one_account_is_removed_and_its_users_are_cut_off(world):
    nsc = world.nsc
    nsc.ok("push -A")

    async def scenario():
        gone = asyncio.Event()

        async def closed():
            gone.set()

        client = await nats.connect(
            world.server.url,
            user_credentials=world.creds("ACCTB", "B"),
            allow_reconnect=False,
            closed_cb=closed,
        )
        lines = (await asyncio.to_thread(nsc.ok, "push --account-removal ACCTB")).splitlines()
        assert lines[0] == "[ OK ] prune nats-server with nats account resolver:"
        assert lines[1].endswith(": deleted 1 accounts")
        await asyncio.wait_for(gone.wait(), 10)
        assert client.is_closed
        with pytest.raises(nats.errors.Error):
            await world.connect("ACCTB", "B")
        assert nsc.key("ACCTB") not in resolver_files(world)
        nsc.ok("edit account ACCTB --tag again")
        await asyncio.to_thread(nsc.ok, "push -a ACCTB")
        client = await world.connect("ACCTB", "B")
        await client.flush()
        await client.close()

    asyncio.run(scenario())
    refused = nsc("push -R SYS")
    assert refused.code == 1
    assert "not allowed to delete system account" in refused.err
    assert refused.err.splitlines()[-1] == "Error: all jobs failed"


def test_what_was_pushed_is_pulled_into_an_empty_store(world):
    nsc = world.nsc
    nsc.ok("push -A")
    before = {name: nsc.ok(f"describe account {name} --raw") for name in ("ACCTB", "ACCTC")}
    for name in before:
        folder = nsc.stores / "O" / "accounts" / name
        (folder / f"{name}.jwt").unlink()
    assert nsc.ok("pull --all").splitlines() == [
        '[ OK ] pulled "SYS" from the account server:',
        '       [ OK ] stored account "ACCTB"',
        '       [ OK ] stored account "ACCTC"',
        '       [ OK ] stored account "SYS"',
    ]
    assert {name: nsc.ok(f"describe account {name} --raw") for name in before} == before


def test_what_is_newer_here_is_pulled_only_if_asked_for(world):
    nsc = world.nsc
    nsc.ok("push -A")
    nsc.ok("edit account ACCTB --conns 5")
    refused = nsc("pull -A")
    assert refused.code == 1
    assert (
        '       [ERR ] local jwt for "ACCTB" is newer than remote version'
        " - specify --overwrite-newer to overwrite"
    ) in refused.err.splitlines()
    assert nsc.ok("describe account ACCTB --field nats.limits.conn") == "5\n"
    nsc.ok("pull -A --overwrite-newer")
    assert nsc.ok("describe account ACCTB --field nats.limits.conn") == "-1\n"


def test_what_a_reissued_operator_signs_is_taken_by_servers_that_know_it(tmp_path, kind):
    nsc = Nsc(tmp_path / "nsc", seed=str(time.time_ns()))
    nsc.now_s = int(time.time()) - 60
    guide(nsc)
    nsc.ok("reissue operator")
    nsc.ok("reissue operator --convert-to-signing-key")
    config = nsc.ok("generate config --nats-resolver").replace("./jwt", str(tmp_path / "jwt"))
    with ServerProcess(kind, tmp_path / "server", config=config) as server:
        nsc.ok(f"edit operator --account-jwt-server-url {server.url}")
        nsc.ok("push -A")

        async def scenario():
            creds = str(nsc.keys / "creds" / "O" / "ACCTB" / "B.creds")
            client = await nats.connect(server.url, user_credentials=creds, connect_timeout=5)
            await client.flush()
            await client.close()

        asyncio.run(scenario())


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make a certificate with")
@pytest.mark.parametrize("first", ["false", "true"])
def test_push_and_pull_speak_tls(tmp_path, first):
    """To the original server only: ours leaves TLS to a proxy."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        f" -keyout {key} -out {cert} -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1",
        shell=True,
        check=True,
        capture_output=True,
    )
    nsc = Nsc(tmp_path / "nsc", seed=str(time.time_ns()))
    nsc.now_s = int(time.time()) - 60
    guide(nsc)
    config = nsc.ok("generate config --nats-resolver").replace("./jwt", str(tmp_path / "jwt"))
    config += f"tls {{ cert_file: '{cert}', key_file: '{key}', ca_file: '{cert}', verify: true,"
    config += f" handshake_first: {first} }}\n"
    flags = " --tls-first" if first == "true" else ""
    mine = f" --client-cert {cert} --client-key {key}"
    with ServerProcess("real", tmp_path / "server", config=config) as server:
        nsc.ok(f"edit operator --account-jwt-server-url tls://127.0.0.1:{server.port}")
        for refused in (f"push -A{flags}", f"push -A --ca-cert {cert}{flags}"):
            done = nsc(refused)
            assert done.code == 1
            assert "failed to connect" in done.err
        assert 'pushed "ACCTB"' in nsc.ok(f"push -A --ca-cert {cert}{mine}{flags}")
        nsc.environ |= {"NATS_CA": str(cert), "NATS_CERT": str(cert), "NATS_KEY": str(key)}
        assert 'stored account "ACCTB"' in nsc.ok(f"pull -A{flags}")
        wrong = nsc("push -A --ca-cert nowhere.pem")
        assert wrong.code == 1
        assert "cannot use the files for TLS" in wrong.err
