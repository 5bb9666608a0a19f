#!/bin/sh
# Compile the hash-locked requirement files from pyproject.toml and test.in.
# Needs pip-tools; run it after a change of dependencies.
set -eu
cd "$(dirname "$0")/.."
options="--quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate"
pip-compile $options pyproject.toml -o requirements/runtime.txt
pip-compile $options requirements/test.in -o requirements/test.txt
