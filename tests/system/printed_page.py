"""The demo's printed page, as a shell sees what a newcomer pastes."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest


def curl_lines(page: str) -> list[str]:
    """Find the commands of a page, each whole: a quote or backslash goes on below."""
    commands = []
    lines = iter(page.splitlines())
    for line in lines:
        if not line.startswith("   curl "):
            continue
        command = line.strip()
        while _goes_on(command):
            command += "\n" + next(lines)
        commands.append(command)
    return commands


def paste(command: str) -> str:
    """Run a line as it stands, and answer what it prints."""
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, (command, done.stderr)
    assert not done.stderr
    return done.stdout


def needs_curl() -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed, so the printed lines can't be pasted")


def _goes_on(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return True
    return command.endswith("\\")
