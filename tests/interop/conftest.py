"""What the clients of other houses need to run."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE_FOLDER = Path(__file__).parent / "node"
_INSTALL_PATIENCE_S = 300


@pytest.fixture(scope="session")
def node() -> str:
    """The node program, with the packages of the lock file beside the scripts."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        pytest.skip("node and npm are not installed")
    with _alone():
        if not (NODE_FOLDER / "node_modules").exists():
            _install(npm)
    return program


def _install(npm: str) -> None:
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        install,
        cwd=NODE_FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=_INSTALL_PATIENCE_S,
    )
    if done.returncode:
        shutil.rmtree(NODE_FOLDER / "node_modules", ignore_errors=True)
        pytest.skip(f"npm ci failed: {done.stderr.strip()[-500:]}")


@contextmanager
def _alone() -> Iterator[None]:
    """Let one test process at a time into the folder."""
    folder = os.open(NODE_FOLDER, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
