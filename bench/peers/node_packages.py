"""Installs the packages of npm that are measured against."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).with_name("node")


def installed_node(say: Callable[[str], None]) -> str | None:
    """Return the node program once its packages are there; None, having said why, without them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        say("  npm's packages are left out: node and npm are not installed")
        return None
    if not (FOLDER / "node_modules").exists():
        install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(install, cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(FOLDER / "node_modules", ignore_errors=True)
            say(f"  npm's packages are left out: npm ci failed: {done.stderr.strip()[-200:]}")
            return None
    return node
