#!/bin/sh
# Compile the hash-locked requirement files from pyproject.toml, build.in and test.in.
# Needs pip-tools on the PATH; run it after a change of dependencies.
set -eu
cd "$(dirname "$0")/.."
options="--quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate"
# shellcheck disable=SC2086 # the options are words
pip-compile $options pyproject.toml -o requirements/runtime.txt
# shellcheck disable=SC2086
pip-compile $options requirements/build.in -o requirements/build.txt
# shellcheck disable=SC2086
pip-compile $options requirements/test.in -o requirements/test.txt
