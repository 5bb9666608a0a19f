#!/bin/sh
# Make .venv with the locked packages: "setup.sh runtime" to run, "setup.sh test" to test.
# A bare Debian has no pip; the one beside this file then installs itself.
set -eu
cd "$(dirname "$0")/.."

kind=$1
stamp=.venv/.$kind
if [ -f "$stamp" ] && [ -z "$(find requirements pyproject.toml -newer "$stamp" 2>/dev/null)" ]; then
  exit 0
fi

for python in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
  [ -n "$python" ] && command -v "$python" >/dev/null 2>&1 || continue
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
  python=
done
if [ -z "$python" ]; then
  echo "Heliograph needs Python 3.11 or newer: set PYTHON=/path/to/python" >&2
  exit 1
fi

if [ ! -x .venv/bin/python ]; then
  echo "Making .venv with $("$python" --version)"
  "$python" -m venv --without-pip .venv
fi
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  wheel=$(echo tools/pip-*.whl)
  .venv/bin/python "$wheel/pip" install --quiet --no-index --no-deps "$wheel"
fi

pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }

echo "Installing the locked packages ($kind)"
pip install --quiet --require-hashes --no-deps -r requirements/runtime.txt -r requirements/build.txt
if [ "$kind" = test ]; then
  pip install --quiet --require-hashes --no-deps -r requirements/test.txt
fi
pip install --quiet --no-index --no-deps --no-build-isolation --editable .
touch "$stamp"
