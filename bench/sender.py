"""CPU time per push of our HTTP/2 sender and of the senders of other houses.

Each runs in a process of its own, one connection, 500 requests in flight,
distinct tokens, and pushes to the same server, which counts what is wrong with
the pushes it takes. Rounds alternate, so that a busy machine is busy for all.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable

from bench.machine import pin
from bench.peers.node_packages import FOLDER as NODE
from bench.peers.node_packages import installed_node
from heliograph.core.clock import SystemClock
from heliograph.simulators.certificates import ensure_certificates, private_pem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PUSHES = int(os.environ.get("BENCH_PUSHES", "200000"))
ROUNDS = 3
UNIT = "us CPU per push"
IN_FLIGHT = 500
WARM_UP = 2000
CLIENT_CORE, SERVER_CORE = 0, 1
PATIENCE_S = 120

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
OURS = "heliograph"
SHARES = {OURS: 1.0, "go-net-http": 0.25, "node-apn": 0.25, "aioapns": 0.05}
"""How many of the pushes each sender has to carry: the slow ones fewer."""

BODY = json.dumps(
    {"aps": {"alert": {"title": "Breaking news", "body": "x" * 120}, "sound": "default"}, "id": 17}
)


@dataclass(frozen=True)
class Server:
    """Where the pushes go. counts: what it has seen since the last call."""

    port: int
    counts: Callable[[], dict[str, int]]


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure; raises RuntimeError where the server cannot be built or a push went wrong.

    Without Go there is no server that is fast enough: the result then says so.
    """
    go = shutil.which("go", path=f"{os.environ.get('PATH', '')}:/usr/local/go/bin")
    if go is None:
        reason = "the server of this bench is written in Go: install Go 1.22 or newer"
        say(f"  skipped: {reason}")
        return {"value": None, "unit": UNIT, "peers": {}, "ratio": {}, "skipped": reason}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        say("  building the server and the peers")
        _build(go, folder)
        commands = _commands(folder, say)
        ca_file, server_file = ensure_certificates(folder, "localhost", now=SystemClock().now())
        order = {
            "ca": ca_file.read_text(),
            "key": private_pem(ec.generate_private_key(ec.SECP256R1())).decode(),
            "authorization": "bearer " + "a" * 193,
            "topic": "com.example.newsapp",
            "expiration": "1789000000",
            "body": BODY,
            "warm_up": WARM_UP,
            "in_flight": IN_FLIGHT,
        }
        with _serving(folder / "sink", server_file) as server:
            return _measure(commands, order | {"port": server.port}, server, say)


def _measure(
    commands: dict[str, list[str]],
    order: dict[str, Any],
    server: Server,
    say: Callable[[str], None],
) -> dict[str, Any]:
    seen: dict[str, list[float]] = {name: [] for name in commands}
    faults = dict.fromkeys(commands, 0)
    for number in range(ROUNDS):
        for name, command in [*commands.items()]:
            count = max(int(PUSHES * SHARES[name]), 1000)
            try:
                used_s = _push(name, command, order | {"count": count})
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                if name == OURS:
                    raise
                say(f"  {name} is left out from here: {error}")
                del commands[name]
                server.counts()
                continue
            seen[name].append(used_s / count * 1e6)
            say(f"  {number + 1}/{ROUNDS} {name}: {seen[name][-1]:.1f} us of CPU per push")
            counts = server.counts()
            faults[name] += counts["malformed"] + counts["doubled"]
            if name == OURS and counts["requests"] != count + WARM_UP:
                raise RuntimeError(f"{counts['requests']} pushes came of {count + WARM_UP}")
    if faults[OURS]:
        raise RuntimeError(f"{faults[OURS]} pushes were malformed or came twice")
    median = {name: statistics.median(values) for name, values in seen.items() if values}
    ours = median.pop(OURS)
    return {
        "value": round(ours, 2),
        "unit": UNIT,
        "peers": {name: round(value, 2) for name, value in median.items()},
        "ratio": {name: round(ours / value, 3) for name, value in median.items()},
        "rounds": {name: [round(value, 2) for value in values] for name, values in seen.items()},
        "pushes": PUSHES,
        "in_flight": IN_FLIGHT,
        "malformed": faults,
        "load_average": round(os.getloadavg()[0], 2),
    }


def _push(name: str, command: list[str], order: dict[str, Any]) -> float:
    """Let one sender push; return the CPU seconds it used after its warm-up."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        pin(process.pid, CLIENT_CORE)
        output, _ = process.communicate(json.dumps(order), timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    if not output:
        raise RuntimeError(f"{name} stopped with {process.returncode}")
    result = json.loads(output)
    # Of ours every push has to be accepted; node-apn was seen to give up a few in 50,000.
    if result["accepted"] < order["count"] * (1 if name == OURS else 0.99):
        raise RuntimeError(f"{name}: {result['accepted']} of {order['count']} were accepted")
    return float(result["cpu_s"])


@contextmanager
def _serving(program: Path, certificate: Path) -> Iterator[Server]:
    process = subprocess.Popen(
        [program, certificate], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asked, told = process.stdin, process.stdout

    def counts() -> dict[str, int]:
        asked.write("\n")
        asked.flush()
        return dict(json.loads(told.readline()))

    try:
        pin(process.pid, SERVER_CORE)
        yield Server(int(told.readline()), counts)
    finally:
        process.kill()
        process.wait()
        asked.close()
        told.close()


def _build(go: str, folder: Path) -> None:
    """Compile the server and the Go peer; the cache makes the second time quick."""
    environment = os.environ | {
        "GOCACHE": str(ROOT / ".venv/go-cache"),
        "GOTOOLCHAIN": "local",
        "GOPROXY": "off",
        "GOFLAGS": "",
        "GO111MODULE": "off",
    }
    for name in ("sink.go", "hpack.go", "pusher.go"):
        shutil.copy(PEERS / name, folder)
    (folder / "tables.go").write_text(_tables())
    for program, sources in (
        ("sink", ["sink.go", "hpack.go", "tables.go"]),
        ("pusher", ["pusher.go"]),
    ):
        command = [go, "build", "-o", program, *sources]
        built = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if built.returncode:
            raise RuntimeError(f"go build {program}: {built.stderr.strip()}")


def _tables() -> str:
    """Write HPACK's fixed tables as Go."""
    fields = ", ".join(
        f'{{"{name.decode()}", "{value.decode()}"}}' for name, value in HeaderTable.STATIC_TABLE
    )
    return (
        f"package main\n\nvar staticFields = [][2]string{{{fields}}}\n"
        f"var huffmanCodes = []uint32{{{', '.join(map(str, REQUEST_CODES))}}}\n"
        f"var huffmanLengths = []int{{{', '.join(map(str, REQUEST_CODES_LENGTH))}}}\n"
    )


def _commands(folder: Path, say: Callable[[str], None]) -> dict[str, list[str]]:
    """Say how to start each sender that this machine can run."""
    commands = {
        OURS: [sys.executable, "-m", "bench.peers.ours"],
        "go-net-http": [str(folder / "pusher")],
    }
    if node := installed_node(say):
        commands["node-apn"] = [node, str(NODE / "pusher.mjs")]
    commands["aioapns"] = [sys.executable, "-m", "bench.peers.aioapns_pusher"]
    return commands
