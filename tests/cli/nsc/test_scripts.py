"""The scripts print what they say, byte for byte."""

import pytest

from cli.nsc.scripts import SCRIPTS, play


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path, tmp_path):
    script = path.read_text()
    assert play(script, tmp_path).splitlines() == script.splitlines()


def test_there_are_scripts():
    assert len(SCRIPTS) >= 4
