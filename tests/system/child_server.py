"""Works on what it finds in a data directory, until it is killed. Settings: JSON, argument one."""

from __future__ import annotations

import asyncio
import json
import sys

from heliograph.config import load
from heliograph.wiring import Stack


async def main() -> None:
    stack = await Stack.open(load(None, **json.loads(sys.argv[1])))
    stack.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
