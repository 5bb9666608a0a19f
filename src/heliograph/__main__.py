"""`python -m heliograph` is the `heliograph` command."""

from heliograph.cli.main import run

run()
