"""SQLite with one writer: a thread that owns the only writing connection.

API writes overtake page commits in its queue; readers have connections of
their own; checkpoints run in a third thread, so that no commit waits for one.
Measured: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import queue
import sqlite3
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import NullPool

from heliograph.core.errors import Unavailable
from heliograph.core.right_of_way import RightOfWay
from heliograph.storage.database.database import DatabaseInUse, Lane
from heliograph.storage.database.failures import unavailable_if_failing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

T = TypeVar("T")

FILE_NAME = "heliograph.sqlite3"
_BUSY_TIMEOUT_S = 2.0
# Bounded by us and not by the file's size: mapped into memory, a registry of a
# million would count for the process as half a gigabyte.
_WRITER_CACHE_KIB = 6 * 1024
_READER_CACHE_KIB = 4 * 1024
_CHECKPOINT_EVERY_S = 0.05
_CHECKPOINT_FROM_BYTES = 4 * 1024 * 1024
_NICENESS = 5
_RESTART_FROM_BYTES = 256 * 1024 * 1024


class SqliteDatabase:
    """The embedded engine: one file, one writing thread, `synchronous=FULL`.

    exclusive: take the lock file, as a server does; a short command that
    writes beside a running server does not. Raises DatabaseInUse.
    """

    step_rows: int | None = 100
    writers: int = 1

    def __init__(
        self,
        directory: Path,
        *,
        readers: int = 2,
        timeout_s: float = 10.0,
        exclusive: bool = True,
        way: RightOfWay | None = None,
    ) -> None:
        self._way = way or RightOfWay(time.monotonic)
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / FILE_NAME
        self._timeout_s = timeout_s
        # The file holds device tokens; its log and index take its mode.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._lock = _lock(directory) if exclusive else None
        self._jobs: queue.PriorityQueue[tuple[int, int, _Job | None]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._busy_timeout_s = min(_BUSY_TIMEOUT_S, timeout_s)
        self._engine = _engine(
            self._path, "BEGIN IMMEDIATE", self._busy_timeout_s, _WRITER_CACHE_KIB
        )
        self._read_engine = _engine(self._path, "BEGIN", self._busy_timeout_s, _READER_CACHE_KIB)
        self._local = threading.local()
        self._read_links: list[_Link] = []
        self._readers = ThreadPoolExecutor(
            readers, thread_name_prefix="sqlite-reader", initializer=_step_back
        )
        self._page_reader = ThreadPoolExecutor(
            1, thread_name_prefix="sqlite-page-reader", initializer=partial(_step_back, 2)
        )
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._write_loop, name="sqlite-writer", daemon=True)
        ]
        if exclusive:
            self._threads.append(
                threading.Thread(
                    target=self._checkpoint_loop, name="sqlite-checkpoint", daemon=True
                )
            )
        for thread in self._threads:
            thread.start()

    async def read(self, work: Callable[[Connection], T], lane: Lane = Lane.API) -> T:
        """Run work on a reader thread; pages have one of their own."""
        self._check_open()
        readers = self._readers if lane is Lane.API else self._page_reader
        return await asyncio.get_running_loop().run_in_executor(readers, self._read, work)

    async def write(
        self,
        work: Callable[[Connection], T],
        lane: Lane = Lane.API,
        *,
        is_lasting: bool = True,
    ) -> T:
        """Run work on the writer thread in a transaction of its own."""
        self._check_open()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        deadline = time.monotonic() + self._timeout_s
        job = _Job(work, loop, future, deadline, is_lasting=is_lasting)
        self._jobs.put((lane, next(self._order), job))
        return await future

    async def write_steps(self, steps: Sequence[Callable[[Connection], bool]]) -> bool:
        """Run the steps, an API write that comes meanwhile between two of them.

        Undisturbed, all but the last are one transaction. The log is one file
        in one order: what makes the last step durable makes those before it
        durable as well.
        """
        left = deque(steps)
        while len(left) > 1:
            await self._way.turn()
            if not await self.write(partial(self._run_some, left), Lane.PAGE, is_lasting=False):
                return False
        await self._way.turn()
        return await self.write(left[0], Lane.PAGE)

    async def close(self) -> None:
        """Run what is queued, then stop the threads and release the lock."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._jobs.put((Lane.PAGE + 1, next(self._order), None))
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._readers.shutdown(wait=True)
        self._page_reader.shutdown(wait=True)
        for link in self._read_links:
            link.connection.close()
        self._engine.dispose()
        self._read_engine.dispose()
        if self._lock is not None:
            os.close(self._lock)

    def _check_open(self) -> None:
        """Refuse what comes after the last job: nobody would ever answer it."""
        if self._stopping.is_set():
            raise Unavailable("database")

    def _read(self, work: Callable[[Connection], T]) -> T:
        link: _Link | None = getattr(self._local, "link", None)
        try:
            with unavailable_if_failing():
                if link is None:
                    link = self._local.link = self._connect(self._read_engine)
                    self._read_links.append(link)
                self._check_file(link)
                with link.connection.begin():
                    return work(link.connection)
        except Unavailable:
            if link is not None:
                link.connection.close()
                self._local.link = None
                self._read_links.remove(link)
            raise

    def _run_some(self, left: deque[Callable[[Connection], bool]], connection: Connection) -> bool:
        """Run steps in this transaction until the last is left, or an API write waits."""
        while len(left) > 1:
            if not left[0](connection):
                return False
            left.popleft()
            waiting = self._jobs.queue
            if self._way.is_asked_for or (waiting and waiting[0][0] == Lane.API):
                break
        return True

    def _write_loop(self) -> None:
        _step_back()
        link: _Link | None = None
        is_syncing = True
        while True:
            _, _, job = self._jobs.get()
            if job is None:
                break
            if job.deadline < time.monotonic():
                # Its caller has had a slow answer already; a locked file
                # must not make the whole queue wait one by one.
                job.fail(Unavailable("database"))
                continue
            try:
                with unavailable_if_failing():
                    if link is None:
                        link = self._connect(self._engine)
                        is_syncing = True
                    self._check_file(link)
                    if job.is_lasting is not is_syncing:
                        is_syncing = job.is_lasting
                        _sync(link.connection, is_wanted=is_syncing)
                    with link.connection.begin():
                        answer = job.work(link.connection)
            except BaseException as error:  # noqa: BLE001 - handed to the caller
                if isinstance(error, Unavailable) and link is not None:
                    link.connection.close()
                    link = None
                job.fail(error)
            else:
                job.succeed(answer)
        if link is not None:
            link.connection.close()

    def _connect(self, engine: Engine) -> _Link:
        inode = self._path.stat().st_ino
        return _Link(engine.connect(), inode)

    def _check_file(self, link: _Link) -> None:
        """Notice a data file that was moved away: writing on would lose it unseen."""
        if self._path.stat().st_ino != link.inode:
            raise Unavailable("database")

    def _checkpoint_loop(self) -> None:
        """Move the write-ahead log into the file, in steps that block nobody."""
        _step_back()
        wal = self._path.with_name(self._path.name + "-wal")
        connection: sqlite3.Connection | None = None
        inode = 0
        while not self._stopping.wait(_CHECKPOINT_EVERY_S):
            try:
                size_bytes = wal.stat().st_size
                if size_bytes < _CHECKPOINT_FROM_BYTES:
                    continue
                if connection is not None and self._path.stat().st_ino != inode:
                    connection.close()
                    connection = None
                if connection is None:
                    inode = self._path.stat().st_ino
                    connection = _open(self._path, self._busy_timeout_s)
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                if size_bytes > _RESTART_FROM_BYTES:
                    # This one keeps writers waiting: behind the other it has little left to do.
                    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            except (OSError, sqlite3.Error):
                # The next round tries again; the log only grows meanwhile.
                if connection is not None:
                    connection.close()
                    connection = None
        if connection is not None:
            connection.close()


class _Link(NamedTuple):
    """A connection, and which file it was opened on."""

    connection: Connection
    inode: int


class _Job:
    """One transaction on its way to the writer, with the future that waits for it."""

    __slots__ = ("_future", "_loop", "deadline", "is_lasting", "work")

    def __init__(
        self,
        work: Callable[[Connection], T],
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[T],
        deadline: float,
        *,
        is_lasting: bool,
    ) -> None:
        self.is_lasting = is_lasting
        self.work: Callable[[Connection], object] = work
        self.deadline = deadline
        self._loop = loop
        self._future: asyncio.Future[object] = future  # type: ignore[assignment] # invariant
        # What it came to is of the type that the future awaits.

    def succeed(self, answer: object) -> None:
        self._tell(self._set_result, answer)

    def fail(self, error: BaseException) -> None:
        self._tell(self._set_exception, error)

    def _tell(self, setter: Callable[..., None], value: object) -> None:
        # A loop that was closed meanwhile has nobody waiting.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(setter, value)

    def _set_result(self, answer: object) -> None:
        if not self._future.done():
            self._future.set_result(answer)

    def _set_exception(self, error: BaseException) -> None:
        if not self._future.done():
            self._future.set_exception(error)


def _step_back(times: int = 1) -> None:
    """Let the loop's thread go first where both want one core: many wait for it, one for us.

    times: by how many steps; nobody waits for the one that reads pages.
    """
    if sys.platform == "linux":
        # Of this thread; elsewhere it would be of the whole process.
        os.nice(_NICENESS * times)


def _open(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Open a file that is there.

    One that was moved away is not made anew: SQLite would then delete its
    log, and what was acknowledged with it.
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )


def _sync(connection: Connection, *, is_wanted: bool) -> None:
    """Have commits wait for the disk, or not; between two transactions.

    Source: sqlite.org/pragma.html#pragma_synchronous.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.execute(f"PRAGMA synchronous={'FULL' if is_wanted else 'NORMAL'}")


def _engine(path: Path, begin: str, busy_timeout_s: float, cache_kib: int) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = _open(path, busy_timeout_s)
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
            f"PRAGMA temp_store=MEMORY; PRAGMA cache_size=-{cache_kib};"
        )
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The driver would begin a deferred transaction at the first write,
        # and fail there if another process writes; this waits at the start.
        connection.exec_driver_sql(begin)

    return engine


def _lock(directory: Path) -> int:
    """Hold the directory's lock file for this process; raises DatabaseInUse."""
    handle = os.open(directory / "heliograph.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise DatabaseInUse(
            f"another Heliograph server is using {directory}; stop it, or choose another --data"
        ) from error
    return handle
