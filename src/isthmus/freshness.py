"""Refuse a compiled extension that is older than its source.

In a checkout the sources of the compiled core lie beside the extension modules. After an edit, or a
switch of branches, the old extension would silently run the old code; instead the import fails and
says what to type. An installed wheel ships no sources, so there is nothing to compare.
"""

import importlib.machinery
import os


class StaleExtensionError(ImportError):
    """A compiled module is missing, or older than the source it was built from."""


def require_fresh(package_folder: str) -> None:
    """Raise `StaleExtensionError` if a source in `package_folder` is newer than its build.

    A `.pxd` is compiled into every module that imports it, so the newest of them counts for all.
    """
    names = os.listdir(package_folder)  # noqa: PTH208 — no pathlib at import
    sources = [name for name in names if name.endswith(".pyx")]
    if not sources:
        return
    headers_ns = max(
        (_mtime_ns(package_folder, name) for name in names if name.endswith(".pxd")), default=0
    )
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    built: dict[str, int] = {}
    for name in names:
        if name.endswith(suffixes):
            stem = name.split(".", 1)[0]
            built[stem] = max(built.get(stem, 0), _mtime_ns(package_folder, name))
    stale = sorted(
        name
        for name in sources
        if built.get(name[:-4], 0) < max(headers_ns, _mtime_ns(package_folder, name))
    )
    if stale:
        raise StaleExtensionError(
            f"compiled module missing or older than its source: {', '.join(stale)} "
            f"in {package_folder}; run `make build`"
        )


def _mtime_ns(folder: str, name: str) -> int:
    return os.stat(os.path.join(folder, name)).st_mtime_ns  # noqa: PTH116, PTH118 — no pathlib at import
