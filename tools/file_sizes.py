"""Fail if a file of ours is too long to be read in one sitting."""

import subprocess
import sys
from pathlib import Path

LIMIT_LINES = 400
FOLDERS = ("src", "tests", "bench", "tools")


def main() -> int:
    """Name every file past the limit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *FOLDERS],
        check=True,
        capture_output=True,
        text=True,
    )
    too_long = [
        (path, lines)
        for path in map(Path, listed.stdout.splitlines())
        if path.suffix in {".py", ".js", ".mjs"} and path.exists()
        if (lines := len(path.read_text().splitlines())) > LIMIT_LINES
    ]
    for path, lines in too_long:
        print(f"{path}: {lines} lines, the limit is {LIMIT_LINES}")
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
