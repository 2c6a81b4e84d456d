"""What ARCHITECTURE.md names is there: each module, and each method of each class."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "ARCHITECTURE.md").read_text()
SOURCES = [path for ending in ("py", "pyx", "pxd") for path in ROOT.glob(f"src/**/*.{ending}")]
MODULES = sorted(set(re.findall(r"(?<![<\w])[\w/]+\.(?:pyx|pxd|py)\b", TEXT)))
METHODS = sorted(set(re.findall(r"\b([A-Z][a-z]\w+)\.(\w+)\b", TEXT)))
CLASS = r"^(?:cdef )?class {}\b.*?(?=^(?:cdef )?class |\Z)"
METHOD = r"^    (?:async )?(?:c?p?def)\b[^(=\n]*\b{}\("


def methods_of(name: str) -> str:
    """The text of a class and of those it is made of."""
    out = ""
    for path in SOURCES:
        for found in re.finditer(CLASS.format(name), path.read_text(), re.MULTILINE | re.DOTALL):
            out += found[0]
            base = re.match(r"(?:cdef )?class \w+\((\w+)\)", found[0])
            if base and path.suffix == ".pyx":
                out += methods_of(base[1])
    return out


def test_something_is_looked_at():
    assert "core/router.pyx" in MODULES
    assert ("Ingest", "receive") in METHODS
    assert len(MODULES) > 40
    assert len(METHODS) > 15


@pytest.mark.parametrize("name", MODULES)
def test_each_module_exists(name):
    tests = [path for path in ROOT.glob("tests/**/*.py") if path.as_posix().endswith(f"/{name}")]
    assert tests or any(path.as_posix().endswith(f"/{name}") for path in SOURCES)


@pytest.mark.parametrize(("owner", "method"), METHODS)
def test_each_method_exists(owner, method):
    assert re.search(METHOD.format(method), methods_of(owner), re.MULTILINE)
