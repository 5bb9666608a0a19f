"""The fakes in a process of their own, which notes when marked pushes arrive.

Prints where everything is as `heliograph simulators` does; each line on
standard input is answered by what has arrived since, as JSON: tokens with
seconds of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from heliograph.simulators import Simulators
from heliograph.simulators.credentials import APNS_KEY_FILE
from heliograph.web.server import loop_factory

if TYPE_CHECKING:
    from heliograph.simulators.inbox import ReceivedPush

MARK = "c0dec0dec0de"
"""With this the tokens begin that are watched for."""


async def main(folder: Path) -> None:
    """Serve until standard input ends."""
    fakes = await Simulators.start(folder, topics=None, inbox_limit=0, log_limit=0)
    arrived: dict[str, float] = {}

    def note(push: ReceivedPush) -> None:
        if push.token.startswith(MARK):
            arrived[push.token] = time.monotonic()

    fakes.inbox.add = note  # type: ignore[method-assign] # looked at here and kept nowhere
    places = {
        "apns": fakes.apns.url,
        "apns_sandbox": fakes.apns_sandbox.url,
        "fcm": fakes.fcm.url,
        "control": "http://127.0.0.1:0",
        "ca_file": str(fakes.ca_file),
        "apns_key_id": fakes.apns_credential.key_id,
        "apns_team_id": fakes.apns_credential.team_id,
        "apns_topic": fakes.apns_credential.topic,
        "apns_key_file": str(folder / APNS_KEY_FILE),
    }
    print(json.dumps(places), flush=True)
    gc.collect()
    gc.freeze()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while await lines.readline():
        told, arrived_so_far = json.dumps(arrived), arrived
        arrived_so_far.clear()
        print(told, flush=True)
    await fakes.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main(Path(sys.argv[1])))
