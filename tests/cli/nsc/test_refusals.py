"""Wrong input: one clear line, an exit code, and not a byte changed."""

import pytest

from isthmus.cli.nsc import transaction
from isthmus.identity.nkeys import KeyPair, Kind
from support.nsc import Nsc, guide

S = "'$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1'"

# the line, the exit code, what the error says
REFUSED = [
    ("add operator O", 1, "exists already"),
    ("add operator a/b", 1, "name cannot contain"),
    ("add operator ..", 1, "cannot be a name"),
    ("add operator N --expiry 1x", 1, "couldn't parse expiry"),
    ("add operator N --start 2030-01-01 --expiry 2029-01-01", 1, "before it is valid"),
    ("add account ACCTB", 1, "already exists"),
    ("add account acctb", 1, "already exists"),
    ("add account ..", 1, "cannot be a name"),
    ("add account N -k UBOGUS", 1, "no readable file"),
    ("add account N -K SBOGUS", 1, "no readable file"),
    ("add account N --allow-pub a..b", 1, "consecutive"),
    ("add user B -a ACCTB", 1, "already exists"),
    ("add user N -a NOPE", 1, '"NOPE" not in accounts'),
    ("add user N -a ACCTB --allow-pub 'a b'", 1, "illegal space"),
    ("add user N -a ACCTB --allow-sub 'a b c'", 1, "at most contain one space"),
    ("add user N -a ACCTB --source-network 10.0.0.0", 1, "invalid cidr"),
    ("add user N/M -a ACCTB", 1, "name cannot contain"),
    ("add export -a ACCTC --subject a..b --service", 1, "consecutive"),
    ("add export -a ACCTC --subject 'a b' --service", 1, "spaces"),
    ("add export -a ACCTC --subject pri.x --service", 1, "already exports"),
    ("add export -a ACCTC --subject x --service --sampling 5", 1, "sampling"),
    ("add export -a ACCTC --subject x --service --latency l --sampling many", 1, "1 to 100"),
    ("add export -a ACCTC --subject x --service --response-threshold -5s", 1, "negative"),
    ("add import -a ACCTB --token missing.tok", 1, "no such file"),
    ("add import -a ACCTB --token .", 1, "is a directory"),
    ("add import -a ACCTB --token expired.tok", 1, "expired 2026"),
    ("add import -a ACCTB --token other.tok", 1, "not intended for this account"),
    ("add import -a ACCTB --token torn.tok", 1, "`torn.tok` is no activation token: expected 3 ch"),
    ("add export -a ACCTC --subject a.>.b", 1, "can have a `>` at its end only"),
    ("edit account -n ACCTC --js-disk-storage -5", 2, "--js-disk-storage -5: -1 is no limit"),
    ("add account 'A\tB'", 1, "cannot be a name"),
    ("add import -a ACCTB --token forged.tok", 1, "signature"),
    ("add import -a ACCTB --token user.tok", 1, "not activation claim"),
    ("add import -a ACCTB --token binary.tok", 1, ""),
    ("add import -a ACCTB --token http://127.0.0.1:1/x", 1, "connection refused"),
    ("add import -a ACCTB --token http://", 1, "error loading"),
    ("add import -a ACCTB --token good.tok --local-subject a..b", 1, "consecutive"),
    ("add import -a ACCTB --src-account ACCTB --remote-subject x", 1, "this account"),
    ("add import -a ACCTB --src-account NOPE --remote-subject x", 1, "does not exist"),
    ("add import -a ACCTB --src-account ACCTC --remote-subject x --share", 1, "only services"),
    ("edit operator --service-url http://x", 1, "not supported"),
    ("edit operator --service-url nats://u:p@x", 1, "credentials are not supported"),
    ("edit operator -u nohost", 1, "requires a protocol"),
    ("edit operator --system-account NOPE", 1, "does not exist"),
    ("edit operator --system-account ACCTC", 1, "cannot have JetStream limits"),
    ("edit operator --rm-sk NOPE", 1, "not a signing key"),
    ("edit operator --require-signing-keys", 1, "at least one signing key"),
    ("edit account ACCTC --conns 1x", 2, "unhandled size name"),
    ("edit account ACCTC --conns 99999999999999999999", 2, "too large"),
    ("edit account ACCTC --rm-sk NOPE", 1, "not a signing key"),
    ("edit account ACCTC --info-url nowhere", 1, "info url"),
    ("edit account ACCTC --js-tier 1 --js-streams 1", 1, "global limit"),
    ("edit account SYS --js-enable 0", 1, "cannot have JetStream limits"),
    ("edit user B -a ACCTB --conn-type carrier-pigeon", 1, "unknown connection type"),
    ("edit user B -a ACCTB --time noon", 2, "require format"),
    ("edit user B -a ACCTB --rm-time 01:00:00", 1, "no time range"),
    ("edit user B -a ACCTB --locale Nowhere/Here", 2, "unknown time zone"),
    ("edit user NOPE -a ACCTB --tag x", 1, "not found"),
    ("generate activation -a ACCTC -t ACCTB -s nope", 1, "not found"),
    ("generate activation -a ACCTC -t NOPE -s pri.x", 1, "does not exist"),
    ("generate activation -a ACCTC -t ACCTB -s pri.x -o no/such.tok", 1, "no such file"),
    ("generate activation -a ACCTC -t ACCTB -s pri.x -o .", 1, "is a directory"),
    ("generate config --mem-resolver --config-file good.tok", 1, "already exists"),
    ("generate config --mem-resolver --nats-resolver", 2, "one config"),
    ("generate creds -a ACCTB -n NOPE", 1, "not found"),
    ("delete export -a ACCTC -s nope", 1, "no export matching"),
    ("delete import -a ACCTB -s nope", 1, "doesn't have imports"),
    ("revocations add-activation -a ACCTC -s nope --service -t ACCTB", 1, "unable to locate"),
    ("revocations add-activation -a ACCTC -s pri.x --service -t NOPE", 1, "does not exist"),
    ("revocations add-activation -a ACCTC -s pri.x --service", 1, "cannot be empty"),
    ("revocations add-activation -a ACCTC -s pri.x --service -t ACCTB --at noon", 2, "RFC3339"),
    ("revocations list-activations -a ACCTC -s pri.x --service", 1, "has no revocations"),
    ("revocations add-user -a ACCTB -n NOPE", 1, "not found"),
    ("revocations add-user -a ACCTB -u NOPE", 1, "does not exist"),
    ("revocations add-user -a ACCTB -n B -u B", 2, "mutually exclusive"),
    ("revocations add-user -a ACCTB --at noon", 2, "RFC3339"),
    ("revocations delete-user -a ACCTB -n B", 1, "no user revocations set"),
    ("revocations list-users -a ACCTB", 1, "does not have revoked users"),
    ("delete account NOPE", 1, "not in accounts"),
    ("delete account SYS", 1, "system account"),
    ("delete user -a ACCTB NOPE", 1, "does not exist"),
    ("delete user -a ACCTB -n B,NOPE -R -D -C", 1, "does not exist"),
    ("delete mapping -a ACCTB -f x", 1, "no mapping"),
    ("add mapping -a ACCTB -f a..b -t x", 1, "consecutive"),
    ("add mapping -a ACCTB -f a -t x.$1", 1, "refers to wildcard"),
    ("add mapping -a ACCTB -f a -t b --weight 101", 1, "exceeds 100"),
    ("add mapping -a ACCTB -f a -t b --weight -1", 2, "ParseUint"),
    ("edit export -a ACCTC -s pri.x", 2, "specify some options"),
    ("edit export -a ACCTC -s NOPE --name x", 1, "no export with subject"),
    ("edit export -a ACCTC -s pri.x --response-type Some", 1, "invalid response type"),
    ("edit export -a ACCTC -s pri.x --sampling 5", 1, "sampling"),
    ("edit export -a ACCTC -s pri.x --latency a.*", 1, "can not contain wildcards"),
    ("edit export -a ACCTC -s pri.x --info-url nowhere", 1, "info url"),
    ("edit export -a ACCTB --name x", 1, "doesn't have exports"),
    ("edit signing-key -a ACCTB --sk NOPE", 1, "signing-key not found"),
    ("edit signing-key -a ACCTB --sk generate --allow-pub a..b", 1, "consecutive"),
    ("edit signing-key -a ACCTB --sk generate --allow-pub {{x()}}", 1, "not defined"),
    ("edit signing-key -a ACCTB --sk generate --conn-type pigeon", 1, "unknown connection type"),
    ("edit authcallout -a ACCTB", 2, "specify some options"),
    ("edit authcallout -a ACCTB --auth-user NOPE", 1, "not a valid user key"),
    ("edit authcallout -a ACCTB --allowed-account NOPE", 1, "not a valid account key"),
    ("edit authcallout -a ACCTB --allowed-account *", 1, "without users"),
    ("edit authcallout -a ACCTB --disable --rm-curve", 2, "exclusive"),
    ("edit authcallout -a ACCTB --curve NOPE", 1, "no public key"),
    ("expirations --within soon", 1, "couldn't parse expiry"),
    ("generate context -a ACCTB -u NOPE", 1, "does not exist"),
    ("generate context -a ACCTB --context a/b", 1, "name cannot contain"),
    ("generate activation -a ACCTC -t ACCTB -s pri.x --push", 1, "account server url"),
    ("import account", 2, "file is required"),
    ("import account -j good.tok", 1, "not account claim"),
    ("import user -f good.tok", 1, "not user claim"),
    ("import user -f user.tok", 1, "already exists"),
    ("init", 1, "name is required"),
    ("init -n O", 1, "already exists"),
    ("init -n N -u NOPE.jwt", 1, "no such file"),
    ("init -n N -u good.tok", 1, "not operator claim"),
    ("init -n N -u a -o b", 2, "only one of"),
    ("load", 2, "missing account server URL"),
    ("load --profile nsc://nobody", 1, "not found"),
    ("add operator -n N --url NOPE.jwt", 1, "no such file"),
    ("add operator -n N --force", 2, "only works with -u"),
    ("reissue operator -n NOPE", 1, "not in"),
    ("reissue operator -K SBOGUS", 1, "no readable file"),
    ("generate nkey", 2, "set --operator"),
    ("list keys --user NOPE", 1, "does not exist"),
    ("list keys --account NOPE", 1, "not in accounts"),
    ("export keys", 2, "not set"),
    ("export keys --dir out --account NOPE", 1, "not in accounts"),
    ("export keys --dir out --filter nothing", 1, "no keys found"),
    ("export keys --dir good.tok --all", 1, "good.tok"),
    ("import keys", 2, "not set"),
    ("import keys --dir NOPE", 1, "no such file"),
    ("import keys --dir .", 1, "no nkey"),
    ("pull", 2, "specify --all or --account"),
    ("pull -A", 1, "doesn't set account server url"),
    ("push -P -D", 2, "mutually exclusive"),
    ("push -P -R ACCTB", 2, "mutually exclusive"),
    ("push -u http://127.0.0.1:1 -P", 1, "prune only works for nats"),
    ("push -u nats://127.0.0.1:1 -R NOPE", 1, "does not exist"),
    ("describe operator --field nats.x.y", 1, "unable to extract"),
    ("describe jwt", 2, "file is required"),
    ("describe jwt -f torn.tok", 1, "expected 3 chunks"),
    ("env -o NOPE", 1, 'operator "NOPE" not in'),
    ("env -s /no/such/folder", 1, "is not a folder"),
    ("select account NOPE", 1, "not in accounts"),
    ("validate -a ACCTB -A", 2, "only one of"),
    ("validate -f good.tok -A", 2, "only one of"),
    ("validate -f NOPE", 1, "no such file"),
    ("validate -f binary.tok", 1, "claim decoding error"),
    ("push -a NOPE", 1, "not in accounts"),
    ("push", 1, "no account server url"),
    ("list accounts -o NOPE", 1, "not in"),
    ("-i add account N", 2, "--interactive is not implemented"),
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Nsc:
    nsc = Nsc(tmp_path_factory.mktemp("refusals"))
    guide(nsc)
    nsc.ok("add export -a ACCTC --subject pri.x --service --private")
    nsc.ok("generate activation -a ACCTC -t ACCTB -s pri.x -o expired.tok --expiry 1m")
    nsc.ok("generate activation -a ACCTC -t ACCTB -s pri.x -o good.tok")
    nsc.ok("generate activation -a ACCTC -t SYS -s pri.x -o other.tok")
    nsc.ok("generate creds -a ACCTB -n B -o user.tok")
    nsc.now_s += 120
    good = (nsc.work / "good.tok").read_text()
    (nsc.work / "torn.tok").write_text(good.split(".")[0] + "\n")
    header, body, rest = good.split(".")
    forged = ("B" if rest[0] == "A" else "A") + rest[1:]
    (nsc.work / "forged.tok").write_text(f"{header}.{body}.{forged}")
    (nsc.work / "binary.tok").write_bytes(bytes(range(256)) * 40)
    return nsc


@pytest.mark.parametrize(("line", "code", "says"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_with_one_line_and_nothing_changed(prepared, line, code, says):
    before = prepared.tree()
    done = prepared(line)
    assert done.code == code, done
    errors = done.err.splitlines()
    assert errors[0].startswith("Error: ")
    assert says in errors[0], done
    assert len(errors) <= 2, "an error line and at most one hint"
    assert done.out == ""
    assert prepared.tree() == before


DAMAGED = [
    (".config/nats/nsc/nsc.json", "list accounts"),
    (".local/share/nats/nsc/stores/O/.nsc", "add account N"),
    (".local/share/nats/nsc/stores/O/O.jwt", "add account N"),
    (".local/share/nats/nsc/stores/O/O.jwt", "edit operator --tag x"),
    (".local/share/nats/nsc/stores/O/accounts/ACCTB/ACCTB.jwt", "edit account ACCTB --conns 5"),
    (".local/share/nats/nsc/stores/O/accounts/ACCTB/ACCTB.jwt", "add user N -a ACCTB"),
    (".local/share/nats/nsc/stores/O/accounts/ACCTB/users/B.jwt", "edit user B -a ACCTB --tag x"),
]


@pytest.mark.parametrize(("path", "line"), DAMAGED)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a.b.c", b"{", None], ids=repr)
def test_a_damaged_file_is_named_and_left_alone(tmp_path, path, line, content):
    nsc = Nsc(tmp_path)
    guide(nsc)
    target = nsc.home / path
    good = target.read_bytes()
    target.write_bytes(good[:-20] if content is None else content)
    before = nsc.tree()
    done = nsc(line)
    assert done.code == 1, done
    assert str(target) in done.err.splitlines()[0], done
    assert len(done.err.splitlines()) <= 2
    assert nsc.tree() == before


def test_a_damaged_seed_is_named_and_never_shown(tmp_path):
    nsc = Nsc(tmp_path)
    guide(nsc)
    operator = nsc.ok("describe operator --field sub").strip().strip('"')
    path = nsc.keys / "keys" / "O" / operator[1:3] / f"{operator}.nk"
    seed = path.read_text()
    path.write_text(seed[:-1])
    done = nsc("add account N")
    assert done.code == 1
    assert str(path) in done.err
    assert seed[:20] not in done.err + done.out


def test_a_seed_on_the_command_line_is_never_shown(tmp_path):
    nsc = Nsc(tmp_path)
    guide(nsc)
    stranger = KeyPair.make(Kind.OPERATOR, nsc.entropy).seed
    done = nsc(f"-K {stranger} add account N")
    assert done.code == 1
    assert "invalid account signer" in done.err
    assert stranger not in done.err
    done = nsc(f"-K {stranger[:-1]} add account N")
    assert done.code == 1
    assert stranger[:20] not in done.err


def test_an_unreadable_token_file_is_named(tmp_path):
    nsc = Nsc(tmp_path)
    guide(nsc)
    loop = nsc.work / "loop.tok"
    loop.symlink_to(loop)
    done = nsc("add import -a ACCTB --token loop.tok")
    assert done.code == 1
    assert "loop.tok" in done.err.splitlines()[0]


def test_a_store_in_use_is_not_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(transaction, "LOCK_WAIT_S", 0.0)
    nsc = Nsc(tmp_path)
    guide(nsc)
    before = nsc.tree()
    with transaction.locked(nsc.stores):
        done = nsc("add account N")
    assert done.code == 1
    assert "another process" in done.err
    assert nsc.tree() == before


def test_a_key_file_that_already_holds_another_key_is_not_overwritten(tmp_path):
    nsc = Nsc(tmp_path)
    guide(nsc)
    user = KeyPair.make(Kind.USER, nsc.entropy)
    path = nsc.keys / "keys" / "U" / user.public_key[1:3] / f"{user.public_key}.nk"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("something else")
    done = nsc(f"add user N -a ACCTB -k {user.seed}")
    assert done.code == 1
    assert "already exists and is different" in done.err
    assert user.seed not in done.err


def test_a_keystore_of_the_old_layout_is_refused(tmp_path):
    nsc = Nsc(tmp_path)
    guide(nsc)
    (nsc.keys / "old.nk").write_text("x")
    done = nsc("list accounts")
    assert done.code == 1
    assert "needs migration" in done.err
