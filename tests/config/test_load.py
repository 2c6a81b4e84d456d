"""From files to options."""

import pytest

from isthmus.config import ConfigError
from isthmus.config.load import load


def refusal(path, environment=()):
    with pytest.raises(ConfigError) as caught:
        load(str(path), dict(environment))
    return str(caught.value)


def test_a_file_gives_options_its_name_and_digest(tmp_path):
    file = tmp_path / "s.conf"
    file.write_text("port: 4333")
    options, warnings = load(str(file), {})
    assert (options.port, options.config_file) == (4333, str(file))
    assert options.config_digest.startswith("sha256:")
    assert not warnings


def test_warnings_come_beside_the_options(tmp_path):
    file = tmp_path / "s.conf"
    file.write_text("ping_interval: 5")
    _, warnings = load(str(file), {})
    assert [str(one.position.line) for one in warnings] == ["1"]


def test_a_missing_file_is_named(tmp_path):
    file = tmp_path / "nope.conf"
    assert refusal(file) == f"open {file}: no such file or directory"


def test_a_folder_is_no_file(tmp_path):
    assert refusal(tmp_path) == f"open {tmp_path}: is a directory"


def test_includes_are_read_beside_the_file(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "s.conf").write_text('include "more/a.conf"\nhost: x')
    (tmp_path / "more" / "a.conf").write_text("include b.conf")
    (tmp_path / "more" / "b.conf").write_text("port: 4333\nfoo: 1")
    text = refusal(tmp_path / "s.conf")
    assert text == f'{tmp_path}/more/b.conf:2:1: unknown field "foo"'


def test_the_environment_is_what_the_caller_gives(tmp_path):
    file = tmp_path / "s.conf"
    file.write_text("port: $PORT")
    assert load(str(file), {"PORT": "4333"})[0].port == 4333
    assert "variable reference for 'PORT'" in refusal(file)


def test_other_encodings_are_refused(tmp_path):
    file = tmp_path / "s.conf"
    file.write_bytes(b"port: 1\nserver_name: caf\xe9")
    assert refusal(file) == f"{file}:2: not UTF-8; save the file as UTF-8"
