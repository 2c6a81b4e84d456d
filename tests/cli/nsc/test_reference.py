"""The reference page says what the commands say."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[3]


def load():
    path = ROOT / "scripts" / "nsc_reference.py"
    spec = importlib.util.spec_from_file_location("nsc_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date():
    reference = load()
    page = reference.PAGE.read_text()
    assert reference.updated(page) == page, "run: .venv/bin/python scripts/nsc_reference.py"


def test_the_page_names_every_flag():
    reference = load()
    page = reference.PAGE.read_text()
    for name in ("--js-disk-storage", "--allow-pub-response", "--service-url", "--prune"):
        assert f"{name}`" in page
