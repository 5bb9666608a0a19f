"""Passwords, hashed with argon2id. Satisfies `ports.PasswordHasher`.

Source: RFC 9106; docs/decisions/0024-logins.md.
"""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from heliograph.core.errors import Counted, RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_MEMORY_KIB = 19_456
_PASSES = 2
_LANES = 1
"""19 MiB, 2 passes, 1 lane.

Source: OWASP Password Storage Cheat Sheet, "Argon2id".
"""

_THREADS = 2
_MAX_WAITING = 64
"""Hashes at once, beyond which callers come back later: each is a core for 20 ms."""

_LATER = timedelta(seconds=1)


class Argon2Passwords:
    """Hashes in threads of its own, so that neither the loop nor other work waits.

    memory_kib: what each hash costs; less is for tests of something else.
    """

    def __init__(self, memory_kib: int = _MEMORY_KIB) -> None:
        self._hasher = PasswordHasher(_PASSES, memory_kib, _LANES, type=Type.ID)
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Hash a password with a salt of its own; raises RateLimited while too many wait."""
        return await self._run(lambda: self._hasher.hash(_bytes_of(password)))

    async def is_right(self, password: str, known: str | None) -> bool:
        """Compare a password with a hash, or with one that nothing fits, in the same time.

        Raises RateLimited while too many wait.
        """
        if self._nobodys is None:
            # For whoever asks first, known or not.
            self._nobodys = await self.hash(secrets.token_urlsafe(32))
        compared = known or self._nobodys
        is_same = await self._run(lambda: self._compare(password, compared))
        return is_same and known is not None

    def is_outdated(self, known: str) -> bool:
        """Say whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(known)

    def close(self) -> None:
        """Let the threads go; what they are at takes them some milliseconds more."""
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None

    def _compare(self, password: str, known: str) -> bool:
        try:
            return self._hasher.verify(known, _bytes_of(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MAX_WAITING:
            raise RateLimited(_LATER, counted=Counted.LOGINS)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _bytes_of(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
