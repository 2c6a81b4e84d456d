"""The same configurations to the real `nats-server -t` and to ours.

Each snippet is run through both: the verdict (valid or not) is the same, the digest is the same,
and where the text of an error is part of the contract the text is the same. What we refuse and the
original accepts stands in STRICTER, with the reason in `docs/reference/differences.md`.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from isthmus.cli.serve import run
from isthmus.identity.nkeys import Kind
from support.servers import command
from support.tokens import key

pytestmark = [pytest.mark.real, pytest.mark.oracle]

NKEY = key(Kind.USER, "u").public_key


@pytest.fixture
def verdicts(tmp_path, monkeypatch, capsys):
    """What both say of a source: exit code and lines, without the name of the program.

    The original reports the mistakes of a file in any order: lines are sorted.
    """
    monkeypatch.chdir(tmp_path)

    def ask(source):
        Path("t.conf").write_text(source)
        line = [*command("real"), "-t", "-c", "t.conf"]
        real = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        code = run(["-t", "-c", "t.conf"], os.environ)
        out, err = capsys.readouterr()
        assert (real.stdout, out) == ("", "")
        return (real.returncode, _lines(real.stderr)), (code, _lines(err))

    return ask


def _lines(text):
    return sorted(text.strip().partition(": ")[2].splitlines())


def accounts(a: str, b: str = "", more: str = "") -> str:
    return f"accounts {{ A {{ {a} }}, B {{ {b} }} {more} }}"


SERVICE = "exports: [{service: 'a'}]"
VALID = [
    "port: 4222\nhost: x",
    "port = 4222; net = x",
    '{"port": 4222, "host": "x"}',
    "{\n port: 4222\n}\nhost: x",
    "PORT: 4222 # comment\n// another\n",
    "p: 4222\nport: $p",
    "jetstream { p: 5, max_mem: $p }",
    "max_payload: 1MB\nmax_pending: 64mb\nmax_control_line: 8k",
    "ping_interval: 5s\nwrite_deadline: '10s'",
    "http: 8222",
    "http: '[::1]:8222'",
    "listen: ':4222'",
    "server_tags: [a\nb]\nserver_metadata: {a: b, 'c d': \"e\"}",
    'server_name: "a\\x41b"',
    "server_name: 10s",
    "server_name: 1.5.",
    "jetstream: enabled",
    "jetstream { max_mem: 1GB; max_file: '10G', domain: x\n strict: false }",
    "jetstream { sync_interval: always }",
    "jetstream { limits { max_ack_pending: 5, duplicate_window: '1m' } }",
    "authorization { user: a, password: $2a$10$abc.def, timeout: 1.5 }",
    f"authorization {{ users: [{{user: a, password: b}}, {{nkey: {NKEY}}}] }}",
    "accounts: [A, B]",
    "accounts { u: {user: a, password: b}, A { users: [$u] } }",
    accounts(
        "exports: [{service: 'x.>'}]", "imports: [{service: {account: A, subject: x.y}, to: z}]"
    ),
    accounts(
        "exports: [{stream: 's.>'}]", "imports: [{stream: {account: A, subject: 's.>'}, prefix: a}]"
    ),
    accounts(
        "exports: [{stream: 'e.*.>'}]",
        "imports: [{stream: {account: A, subject: 'e.*.>'}, to: 'm.$1.>'}]",
    ),
    accounts(
        "exports: [{service: 'e.*.*'}]",
        "imports: [{service: {account: A, subject: 'e.*.*'}, to: 'm.$2.$1'}]",
    ),
    accounts(
        "exports: [{service: 'e.*.*'}]",
        "imports: [{service: {account: A, subject: 'e.*.*'}, to: 'm.*.*'}]",
    ),
    accounts(
        "exports: [{service: 'a.*', account_token_position: 2}]",
        "imports: [{service: {account: A, subject: a.B}}]",
    ),
    accounts("exports: [{service: a, response: chunk, threshold: '5s'}]"),
    accounts("imports: [{service: {account: A, subject: a}}], exports: [{service: a}]"),
    accounts(
        "jetstream: enabled",
        "jetstream { max_mem: 1GB, max_file: 1TB, max_streams: 5, max_bytes_required: true }",
    ),
    accounts("limits { max_conn: 1, max_subs: 2, max_payload: 1kb, max_leafs: 3 }"),
    accounts("default_permissions { publish: a, subscribe: {deny: [b, c]} }"),
    accounts(
        "users: [{user: a, password: b, permissions: {allow_responses: {max: 5, expires: '1m'}}}]"
    ),
    accounts("users: [{user: a, password: b, permissions: {subscribe: ['s.>', 'q.* grp']}}]"),
    "resolver: MEM",
    "resolver: { type: full, dir: './jwt', allow_delete: true, hard_delete: true, interval: '2m' }",
    "resolver: { type: cache, dir: './jwt', ttl: '1h', limit: 10, timeout: '1s' }",
    "mappings { a: b, 'c.*.*': 'd.$2.{{wildcard(1)}}', 'e.>': 'f.>' }",
    "mappings { w: [ {destination: w1, weight: 40%}, {dest: w2, weight: '20'} ] }",
    "mappings { w: { dest: w1, weight: 40, cluster: east } }",
    "mappings { 'a.*': 'b.{{partition(3,1)}}.{{left(1,2)}}', c: 'd.{{random(3)}}' }",
    "mappings { 'a.*': 'b.{{split(1,-)}}.{{SliceFromRight(1,2)}}.$1.$1' }",
    "resolver_pinned_accounts: [A, B]",
    "lame_duck_grace_period: '3m'",
    "max_pending: 10",
    "no_auth_user: x",
    "max_connections: -5",
]
SAME_TEXT = [
    "foo: 1",
    "\tfoo: 1",
    "foo: 1\nbar: 2\n\nbaz {\n x: 1\n}",
    "jetstream { foo: 1 }",
    "include: foo",
    "listen: 127.0.0.1",
    "listen: '127.0.0.1:abc'",
    "server_name: 'a b'",
    "ping_interval: 5",
    "write_deadline: 5",
    "jetstream { sync_interval: 5 }",
    "lame_duck_duration: '5s'",
    "x: $NOPE",
    "port: $p\np: 4222",
    "include 'nope.conf'",
    'include "./nope.conf"',
    "jetstream { include x }",
    "authorization { user: a, password: b, token: c }",
    "authorization { user: a, password: b, users: [{user: c, password: d}] }",
    "authorization { token: b, users: [{user: c, password: d}] }",
    "authorization { foo: c }",
    "authorization { users: [{password: c}] }",
    "authorization { users: [{nkey: c}] }",
    "authorization { users: [{user: c, password: d, foo: e}] }",
    "authorization { users: [{user: c, password: d, permissions: {pub: {allow: 'a b c'}}}] }",
    "authorization { users: [{user: c, password: d, permissions: {sub: {allow: 'a b c'}}}] }",
    "jetstream: foo",
    "operator: nope.jwt",
    "operator: eyJfoo",
    "accounts { $G: {} }",
    "accounts: [A, B, A]",
    "accounts: ['$G']",
    "accounts { A: 5 }",
    "accounts { A { nkey: foo } }",
    "accounts { A { foo: 1 } }",
    accounts(SERVICE, "imports: [{service: {account: A, subject: zzz}}]"),
    accounts(
        "exports: [{stream: 's.>', accounts: [A]}]",
        "imports: [{stream: {account: A, subject: 's.>'}}]",
    ),
    accounts("exports: [{stream: s, accounts: [X]}]"),
    accounts("exports: [{service: s, accounts: [X]}]"),
    accounts("imports: [{stream: {account: X, subject: s}}]"),
    accounts("imports: [{service: {account: X, subject: s}}]"),
    accounts("exports: [{stream: s, response_type: stream}]"),
    accounts("imports: [{service: {account: B}}]"),
    accounts("imports: [{service: {account: B, subject: x, foo: y}}]", "exports: [{service: x}]"),
    accounts(
        f"{SERVICE}, imports: [{{service: {{account: B, subject: a}}}}]",
        f"{SERVICE}, imports: [{{service: {{account: A, subject: a}}}}]",
    ),
    accounts(
        "exports: [{stream: a}], imports: [{stream: {account: B, subject: a}}]",
        "exports: [{stream: a}], imports: [{stream: {account: A, subject: a}}]",
    ),
    accounts(
        "exports: [{stream: a}]",
        "imports: [{stream: {account: A, subject: a}, to: x}, "
        "{stream: {account: A, subject: a}, to: y}]",
    ),
    accounts(
        "exports: [{service: 'a.*', account_token_position: 2}]",
        "imports: [{service: {account: A, subject: a.C}}]",
    ),
    "resolver: { type: full, dir: './jwt', hard_delete: true }",
    "resolver_preload: { A: 5 }",
    "resolver_preload: { A: eyJ }",
]
# the place differs (ours is nearer to the mistake, or theirs depends on chance), the words do not
SAME_WORDS = [
    "authorization { users: [{user: c, password: d}, {user: c, password: e}] }",
    accounts("users: [{user: a, password: b}]", "users: [{user: a, password: b}]"),
    accounts(
        "exports: [{stream: 's.>'}]",
        "imports: [{stream: {account: A, subject: 's.>'}, prefix: 'a.*'}]",
    ),
    "authorization { users: [{user: c, password: d, permissions: {publish: 'a..b'}}] }",
    "jetstream { store_dir: a }\nstore_dir: b",
    f"authorization {{ users: [{{nkey: {NKEY}, user: a}}] }}",
]
INVALID = [
    "{a: 1 b: 2}",
    "port 4222 host x",
    "port: abc",
    "port: true",
    "port: 1.5",
    "port",
    "port: 4222 {",
    "port: 99999999999999999999",
    "port: .5",
    "host: 5",
    "debug: 1",
    'debug: "yes"',
    "max_payload: '1MB'",
    "max_payload: 4GB",
    "ping_interval: abc",
    "max_sub_tokens: 0",
    "max_sub_tokens: 256",
    "server_name: -x",
    "server_name: 2024-01-01",
    "server_name: ()",
    'server_name: "a\\qb"',
    "a = 'unterminated",
    'a = "unterminated',
    "a = (\n xx",
    "server_tags: [a b]",
    "server_tags: [,a]",
    "server_tags: [[a]]",
    "server_tags: 5",
    "server_metadata: 5",
    "a { b: 1",
    "= 5",
    "include",
    "include 5",
    "jetstream{}",
    "jetstream:\n{}",
    "jetstream: 5",
    "jetstream { store_dir: 5 }",
    "jetstream { max_mem: x }",
    "jetstream { max_file: '10GB' }",
    "jetstream { strict: 1 }",
    "jetstream { limits { duplicate_window: 1m } }",
    "authorization: 5",
    "authorization { timeout: x }",
    "authorization { timeout: 500 }",
    "authorization { user: a, password: $2b$10$abc.def }",
    "authorization { users: [{user: c, permissions: {publish: 1}}] }",
    "authorization { users: [{user: c, permissions: {foo: a}}] }",
    "authorization { users: [{user: c, clients: [FOO]}] }",
    "accounts { A { users: 5 } }",
    "accounts { A { jetstream: 5 } }",
    "accounts { A { jetstream { max_mem: x } } }",
    "accounts { A { limits { foo: 1 } } }",
    "accounts { A { exports: {service: a} } }",
    "accounts { A { exports: [a] } }",
    "accounts { A { exports: [{service: a, stream: b}] } }",
    "accounts { A { exports: [{service: a, response_type: foo}] } }",
    "accounts { A { exports: [{service: 'a.*', account_token_position: 3}] } }",
    "accounts { A { imports: [{service: a}] } }",
    accounts(
        "exports: [{service: 'e.*.*'}]",
        "imports: [{service: {account: A, subject: 'e.*.*'}, to: 'm.*'}]",
    ),
    accounts(
        "exports: [{stream: 'e.*.>'}]",
        "imports: [{stream: {account: A, subject: 'e.*.>'}, to: 'm.>'}]",
    ),
    "resolver: foo",
    "resolver: 5",
    "resolver: { type: full }",
    "resolver: { type: full, dir: './jwt', ttl: '2m' }",
    "resolver: { type: cache, dir: './jwt', interval: '2m' }",
    "resolver: { type: cache, dir: './jwt', allow_delete: true }",
    "resolver: { type: cache, dir: './jwt', hard_delete: true }",
    "resolver: { type: cache }",
    "mappings { a: 'b.$1' }",
    "mappings { 'a.*': 'b.$2' }",
    "mappings { 'a.*': 'b.*' }",
    "mappings { 'a.*': 'b.{{bad(1)}}' }",
    "mappings { 'a.*': 'b.{{WildCard(1)}}' }",
    "mappings { 'a.*': 'b.{{partition()}}' }",
    "mappings { 'a.*': 'b.{{partition(3,2)}}' }",
    "mappings { 'a.*': 'b.{{split(1)}}' }",
    "mappings { 'a.*': 'b.{{wildcard(1,2)}}' }",
    "mappings { 'a.>': 'b' }",
    "mappings { a: 'b.>' }",
    "mappings { a: 'b..c' }",
    "mappings { 'a..b': c }",
    "mappings { a: 5 }",
    "mappings { a: ['b'] }",
    "mappings { a: [ {dest: b} ] }",
    "mappings { a: [ {dest: b, weight: 101} ] }",
    "mappings { a: [ {dest: b, weight: 'x'} ] }",
    "mappings { a: [ {dest: b, weight: 60}, {dest: c, weight: 60} ] }",
    "mappings { a: [ {dest: b, weight: 50}, {dest: b, weight: 20} ] }",
    "mappings { a: [ {dest: b, weight: 50, foo: 1} ] }",
    "resolver_preload: 5",
    "resolver_pinned_accounts: 5",
    "operator: 5",
    "system_account: 5",
]
STRICTER = [
    "port: 4222\n}",
    "port: 70000",
    "accounts: 5",
    "authorization { password: x }",
    accounts("exports: [{service: a, accounts: []}]"),
    accounts("exports: [{accounts: [B]}]"),
    accounts(
        "exports: [{stream: 'e.*.*'}]",
        "imports: [{stream: {account: A, subject: 'e.*.*'}, to: 'm.$1.$1'}]",
    ),
    "resolver: { type: full, dir: './jwt', allow_deletes: true }",
    "ping_interval: '-1s'",
    "write_timeout: close",
]


@pytest.mark.parametrize("source", VALID)
def test_what_is_valid_is_valid_here_with_the_same_digest(verdicts, source):
    real, ours = verdicts(source)
    assert real == ours
    assert real[0] == 0


def test_an_empty_file_is_doubted(verdicts):
    assert verdicts("") == (2 * ((1, ["t.conf: config has no values or is empty"]),))


@pytest.mark.parametrize("source", SAME_TEXT)
def test_the_text_of_an_error_is_the_same(verdicts, source):
    real, ours = verdicts(source)
    assert real == ours
    assert real[0] == 1


@pytest.mark.parametrize("source", SAME_WORDS)
def test_the_words_of_an_error_are_the_same(verdicts, source):
    (real_code, real), (code, ours) = verdicts(source)
    place = re.compile(r"^(t\.conf:\d+:\d+: )?")
    assert [place.sub("", line) for line in real] == [place.sub("", line) for line in ours]
    assert real_code == code == 1


@pytest.mark.parametrize("source", INVALID)
def test_what_is_invalid_is_invalid_here(verdicts, source):
    real, (code, ours) = verdicts(source)
    assert real[0] == code == 1
    assert all(line.startswith("t.conf:1:") for line in ours)


@pytest.mark.parametrize("source", STRICTER)
def test_what_we_refuse_and_the_original_does_not(verdicts, source):
    real, ours = verdicts(source)
    assert (real[0], ours[0]) == (0, 1)
