import base64

import pytest

from isthmus.cli.context import Context
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.credentials import (
    Credentials,
    plain_path,
    read_credentials,
    reference_state,
    tls_context,
)
from isthmus.identity.creds import make_creds
from isthmus.identity.nkeys import verify
from support.operator_mode import SYSTEM, SYSTEM_USER, user_token

TOKEN = user_token(SYSTEM_USER, SYSTEM, name="someone")
TEXT = make_creds(TOKEN, SYSTEM_USER.seed)


@pytest.fixture
def creds(tmp_path):
    path = tmp_path / "user.creds"
    path.write_text(TEXT)
    return str(path)


def require_signs(found: Credentials) -> None:
    assert found.sign is not None
    verify(SYSTEM_USER.public_key, b"nonce", base64.b64decode(found.sign("nonce")))


def test_nothing_is_no_credentials():
    assert read_credentials(Context(), {}) == Credentials()


def test_a_creds_file_gives_token_and_signature(creds):
    found = read_credentials(Context(creds=creds), {})
    assert found.jwt == TOKEN
    require_signs(found)


@pytest.mark.parametrize("form", ["file://{path}", "env://CREDS", "data:;base64,{coded}"])
def test_every_form_of_reference_leads_to_the_same(creds, form):
    reference = form.format(path=creds, coded=base64.b64encode(TEXT.encode()).decode())
    found = read_credentials(Context(creds=reference), {"CREDS": TEXT})
    assert found.jwt == TOKEN
    require_signs(found)


def test_a_seed_file_gives_the_public_key(tmp_path):
    path = tmp_path / "user.nk"
    path.write_text(SYSTEM_USER.seed + "\n")
    found = read_credentials(Context(nkey=str(path)), {})
    assert (found.public_key, found.jwt) == (SYSTEM_USER.public_key, "")
    require_signs(found)


def test_a_token_with_its_seed_as_texts():
    found = read_credentials(Context(user_jwt=TOKEN, user_seed=SYSTEM_USER.seed), {})
    assert found.jwt == TOKEN
    require_signs(found)


def test_a_token_alone_is_a_bearers():
    found = read_credentials(Context(user_jwt=TOKEN), {})
    assert found.sign is not None
    assert found.sign("nonce") == b""


def test_user_and_password_win_over_creds(creds):
    found = read_credentials(Context(user="u", password="p", creds=creds), {})
    assert (found.user, found.password, found.jwt) == ("u", "p", "")


def test_a_token_goes_along_with_any(creds):
    assert read_credentials(Context(token="t", creds=creds), {}).token == "t"
    assert read_credentials(Context(token="env://T"), {"T": "from-env"}).token == "from-env"


def test_a_missing_file_reads_as_in_the_original(tmp_path):
    with pytest.raises(CommandError) as error:
        read_credentials(Context(creds=f"{tmp_path}/no.creds"), {})
    assert str(error.value) == f"nats: open {tmp_path}/no.creds: no such file or directory"


@pytest.mark.parametrize(
    ("text", "problem"),
    [("junk", "no user token found"), (TEXT.split("*", 1)[0] + "SUAJUNK", "nkeys|illegal")],
)
def test_a_file_without_credentials_is_refused_and_not_quoted(tmp_path, text, problem):
    path = tmp_path / "x.creds"
    path.write_text(text)
    with pytest.raises(CommandError, match=problem) as error:
        read_credentials(Context(creds=str(path)), {})
    assert SYSTEM_USER.seed not in str(error.value)
    assert "SUAJUNK" not in str(error.value)


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "x.creds"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="holds no text"):
        read_credentials(Context(creds=str(path)), {})


def test_a_bad_seed_is_refused_and_not_quoted():
    broken = SYSTEM_USER.seed[:-1] + "a"
    with pytest.raises(CommandError, match="no usable nkey seed") as error:
        read_credentials(Context(user_jwt=TOKEN, user_seed=broken), {})
    assert broken not in str(error.value)


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("env://NOPE", 'env: variable "NOPE" is not set'),
        ("env://EMPTY", 'env: variable "EMPTY" is empty'),
        ("data:text", "base64"),
        ("data:;base64,???", "not base64"),
        ("op://vault/item/field", '"op:" are not supported'),
    ],
)
def test_a_reference_that_leads_nowhere_says_why(reference, problem):
    with pytest.raises(CommandError, match=problem):
        read_credentials(Context(creds=reference), {"EMPTY": ""})


def nsc_that(tmp_path, script: str) -> dict[str, str]:
    program = tmp_path / "nsc"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    return {"PATH": f"{tmp_path}:/usr/bin:/bin"}


def test_nsc_is_asked_for_a_profile(tmp_path, creds, monkeypatch):
    environ = nsc_that(
        tmp_path,
        f'test "$*" = "generate profile nsc://O/A/U" && echo \'{{"user_creds": "{creds}"}}\'',
    )
    monkeypatch.setenv("PATH", environ["PATH"])
    assert read_credentials(Context(creds="nsc://O/A/U"), environ).jwt == TOKEN


def test_what_nsc_complains_about_is_passed_on(tmp_path, monkeypatch):
    environ = nsc_that(tmp_path, "echo no such operator >&2; exit 1")
    monkeypatch.setenv("PATH", environ["PATH"])
    with pytest.raises(CommandError, match="nsc invoke failed: exit status 1: no such operator"):
        read_credentials(Context(creds="nsc://O/A/U"), environ)


def test_a_missing_nsc_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="cannot find 'nsc' in user path"):
        read_credentials(Context(creds="nsc://O/A/U"), {"PATH": str(tmp_path)})


def test_states_of_references(creds):
    assert reference_state(creds) == f"{creds} (OK)"
    assert reference_state("/nope") == "/nope (ERROR)"
    assert reference_state("env://X") == "env://X (runtime environment)"
    assert reference_state("nsc://O") == "nsc://O (nsc)"
    assert reference_state("data:;base64,x") == "embedded data"


def test_plain_paths():
    assert plain_path("/a") == plain_path("file:///a") == "/a"
    assert plain_path("data:;base64,x") == plain_path("env://X") == ""


def test_certificate_and_key_belong_together():
    with pytest.raises(CommandError, match="given together"):
        tls_context(Context(cert="/x"))


def test_a_file_that_is_no_certificate_is_named(creds):
    with pytest.raises(CommandError, match=r"cannot use the TLS files .*user\.creds"):
        tls_context(Context(ca=creds))
