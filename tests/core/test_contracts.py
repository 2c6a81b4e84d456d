"""What tools cannot see of compiled modules: where their imports point, and that stubs are true."""

import ast
import importlib
import re
from pathlib import Path

import pytest

CORE = Path(importlib.import_module("isthmus.core").__file__ or "").parent
SOURCES = sorted([*CORE.glob("*.pyx"), *CORE.glob("*.pxd")])
STUBS = sorted(CORE.glob("*.pyi"))
BELOW = ("isthmus.core", "isthmus.base", "cpython", "libc", "cython")
IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import\b|c?import\s+([\w., ]+))")


def imported(source: str) -> list[str]:
    """Every module that a `.pyx` or `.pxd` names in an import, wherever it stands."""
    names = []
    for line in source.splitlines():
        found = IMPORT.match(line)
        if found:
            names += [found[1]] if found[1] else [name.strip() for name in found[2].split(",")]
    return names


def below(name: str) -> bool:
    return any(name == allowed or name.startswith(allowed + ".") for allowed in BELOW)


def test_imports_are_found_wherever_they_stand():
    source = "from a.b cimport (\n    c,\n)\nimport d, e\ncimport f\n    import g\nfromage = 1\n"
    assert imported(source) == ["a.b", "d", "e", "f", "g"]
    assert below("libc.string")
    assert below("isthmus.core")
    assert not below("isthmus.corelike")
    assert not below("msgspec")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_core_imports_only_what_lies_below(path: Path):
    upward = [name for name in imported(path.read_text()) if not below(name)]
    assert upward == []


def test_every_compiled_module_is_looked_at():
    assert {path.stem for path in SOURCES} >= {"parser", "sublist", "router", "crossing", "message"}
    assert {path.stem for path in CORE.glob("*.pyx")} <= {path.stem for path in SOURCES}


def names_of(node: ast.ClassDef | ast.Module) -> set[str]:
    found = set()
    for part in node.body:
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            found.add(part.name)
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            found.add(part.target.id)
    return found


def is_protocol(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


def public(names: object) -> set[str]:
    return {name for name in names if not name.startswith("_")}  # type: ignore[attr-defined]


def parameters(signature: str) -> list[str]:
    """Names of the parameters in `f(self, bytes a not None, int b=1, *, bint c)`."""
    inside = signature[signature.index("(") + 1 : signature.rindex(")")]
    inside = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", inside)
    names = [part.split("=")[0].split(":")[0].strip() for part in inside.split(",")]
    words = [name.replace(" not None", "").split()[-1] for name in names if name]
    return [word for word in words if word not in {"self", "*", "/"}]


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.stem)
def test_a_stub_says_what_the_module_has(stub: Path):
    """Every name is there; the parameters of each method are those of the compiled one."""
    module = importlib.import_module(f"isthmus.core.{stub.stem}")
    tree = ast.parse(stub.read_text())
    classes = [part for part in tree.body if isinstance(part, ast.ClassDef)]
    for node in classes:
        if is_protocol(node):
            continue
        found = getattr(module, node.name)
        assert public(names_of(node)) <= set(dir(found)), node.name
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                text = (vars(found)[method.name].__doc__ or "").partition("\n")[0]
                if f"{method.name}(" in text:
                    said = [a.arg for a in (*method.args.args, *method.args.kwonlyargs)]
                    assert parameters(text) == said[1:], f"{node.name}.{method.name}"


def test_every_compiled_module_that_python_uses_has_a_stub():
    python = Path(CORE.parent).rglob("*.py")
    used = {
        name.split(".")[2]
        for path in python
        for name in re.findall(r"isthmus\.core\.\w+", path.read_text())
    }
    compiled = {path.stem for path in CORE.glob("*.pyx")}
    assert (used & compiled) - {stub.stem for stub in STUBS} == set()
