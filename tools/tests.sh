#!/bin/sh
# Run pytest with its temporary files in memory, where there is room for them:
# thousands of tests commit to a disk of their own. One worker per processor;
# a file's tests stay together, for they share servers.
set -eu
cd "$(dirname "$0")/.."
room_kb=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
if [ -w /dev/shm ] && [ "${room_kb:-0}" -gt 2000000 ]; then
  export PYTEST_DEBUG_TEMPROOT=/dev/shm
fi
# Without a cache, each worker prepares the assertions of four hundred files anew.
unset PYTHONDONTWRITEBYTECODE
exec .venv/bin/python -m pytest -q --numprocesses=auto --maxprocesses=4 --dist=loadfile "$@"
