"""Strangers' names: each is asked for once at a time, and a silent one keeps nobody waiting."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from heliograph.outbound.lookups import Lookups

pytestmark = pytest.mark.anyio

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))]


class Resolver:
    """Answers when it is let."""

    def __init__(self):
        self.asked = []
        self.is_let = threading.Event()
        self.error = None
        self.lock = threading.Lock()
        self.under_way = self.most = 0

    def __call__(self, host, port):
        self.asked.append((host, port))
        if host.startswith("slow"):
            self._wait()
        if self.error is not None:
            raise self.error
        return FOUND

    def _wait(self):
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        self.is_let.wait(10)
        with self.lock:
            self.under_way -= 1


async def test_a_name_is_asked_for_once_at_a_time_and_anew_after_that():
    resolver = Resolver()
    lookups = Lookups(resolver)
    together = [asyncio.create_task(lookups("slow.example", 443)) for _ in range(50)]
    await asyncio.sleep(0)

    resolver.is_let.set()

    assert await asyncio.gather(*together) == [FOUND] * 50
    assert resolver.asked == [("slow.example", 443)]
    await lookups("slow.example", 443)
    assert len(resolver.asked) == 2


async def test_who_gives_up_takes_nobody_elses_answer_away():
    resolver = Resolver()
    lookups = Lookups(resolver)
    first = asyncio.create_task(lookups("slow.example", 443))
    other = asyncio.create_task(lookups("slow.example", 443))
    await asyncio.sleep(0)

    first.cancel()
    await asyncio.sleep(0)
    resolver.is_let.set()

    assert await other == FOUND


async def test_what_went_wrong_is_told_to_all_who_wait():
    resolver = Resolver()
    resolver.error = socket.gaierror(socket.EAI_NONAME, "no such name")
    lookups = Lookups(resolver)

    told = await asyncio.gather(
        *(lookups("example.com", 443) for _ in range(3)), return_exceptions=True
    )

    assert told == [resolver.error] * 3


async def test_no_more_names_are_asked_for_at_once_than_there_is_room_for():
    resolver = Resolver()
    lookups = Lookups(resolver, size=2)
    waiting = [asyncio.create_task(lookups(f"slow{n}.example", 443)) for n in range(5)]

    assert await lookups("8.8.8.8", 443) == FOUND

    resolver.is_let.set()
    assert await asyncio.gather(*waiting) == [FOUND] * 5
    assert len(resolver.asked) == 6
    assert resolver.most <= 2
