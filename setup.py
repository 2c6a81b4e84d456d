"""The compiled core. Everything else about the build is in pyproject.toml."""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

COVER = os.environ.get("COVER") == "1"

setup(
    ext_modules=cythonize(
        [Extension("isthmus.core.*", ["src/isthmus/core/*.pyx"], extra_compile_args=["-O3"])],
        include_path=["src"],
        build_dir="build/cython",
        compiler_directives={
            "language_level": 3,
            "embedsignature": True,
            "linetrace": COVER,
            "freethreading_compatible": False,
        },
    ),
)
