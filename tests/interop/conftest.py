"""What the clients of other houses need to run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NODE_FOLDER = Path(__file__).parent / "node"
_INSTALL_PATIENCE_S = 300


@pytest.fixture(scope="session")
def node() -> str:
    """The node program, with the packages of the lock file beside the scripts."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        pytest.skip("node and npm are not installed")
    if not (NODE_FOLDER / "node_modules").exists():
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
    return program
