#!/bin/sh
# Checks what the Makefile needs before anything is installed, and names the missing package.
python=${1:-python3}
missing() {
    echo "isthmus needs $1." >&2
    echo "  Debian, Ubuntu: apt-get install $2" >&2
    echo "  Fedora:         dnf install $3" >&2
    echo "  macOS:          $4" >&2
    exit 1
}
command -v "$python" >/dev/null 2>&1 ||
    missing "Python 3.11 or newer ($python is not on the PATH)" python3 python3 "brew install python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    missing "Python 3.11 or newer ($("$python" --version 2>&1) is $python; or: make PYTHON=python3.12)" \
        python3.11 python3.11 "brew install python"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    missing "Python's venv module" python3-venv python3 "brew install python"
"$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
    missing "Python's C headers" python3-dev python3-devel "brew install python"
command -v "${CC:-cc}" >/dev/null 2>&1 ||
    missing "a C compiler (${CC:-cc} is not on the PATH)" build-essential gcc "xcode-select --install"
