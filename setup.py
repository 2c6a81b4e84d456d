"""The compiled core. Everything else about the build is in pyproject.toml."""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

COVER = os.environ.get("COVER") == "1"
CORE = Extension("isthmus.core.*", ["src/isthmus/core/*.pyx"], extra_compile_args=["-O3", "-g0"])

if os.environ.get("ISTHMUS_BUILD_CORE") == "0":  # make build compiles once, in parallel
    setup()
else:
    setup(
        ext_modules=cythonize(
            [CORE],
            include_path=["src"],
            nthreads=2,
            build_dir="build/cython",
            compiler_directives={
                "language_level": 3,
                "embedsignature": True,
                "linetrace": COVER,
            },
        ),
    )
