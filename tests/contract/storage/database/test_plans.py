"""How each engine walks the tables: what is cheap today must stay so as they grow."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, insert, text
from tests.contract.storage.sending import accept, claim, read
from tests.contract.storage.world import World, new_world

from heliograph.config import Storage
from heliograph.core.clock import to_ms
from heliograph.core.ids import new_id
from heliograph.core.model.audience import Everyone, Tags, Users
from heliograph.core.model.delivery import Cursor
from heliograph.core.model.listing import RegistrationFilter
from heliograph.storage.database.sqlite import SqliteDatabase
from heliograph.storage.store import SqlStore, open_store
from heliograph.storage.tables.tables import (
    members,
    registrations,
    subscriptions,
    tags,
    token_holders,
    users,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sqlalchemy import Connection
    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio

_TABLES = re.compile("registrations|subscriptions")
BEHIND = Cursor(100, 0, b"\x01" * 16)
ROWS = 20_000


async def plan_of(store: SqlStore, ask: Callable[[], Awaitable[Any]]) -> list[str]:
    """Every plan of the statements about registrations that a call runs, line by line."""
    database = store._database
    seen: list[tuple[str, Any]] = []

    def note(statement: str, parameters: Any = ()) -> None:
        if _TABLES.search(statement) and not statement.startswith(("INSERT", "EXPLAIN")):
            seen.append((statement, parameters))

    if isinstance(database, SqliteDatabase):
        await _watched_by_the_driver(database, note, ask)
    else:
        await _watched(database.engine.sync_engine, note, ask)

    def explain(connection: Connection) -> list[str]:
        word = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        return [
            str(row[-1])
            for statement, parameters in seen
            for row in connection.exec_driver_sql(f"{word} {statement}", parameters)
        ]

    return await database.read(explain)


async def _watched(
    engine: Any, note: Callable[..., None], ask: Callable[[], Awaitable[Any]]
) -> None:
    def hear(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        note(statement, parameters)

    event.listen(engine, "before_cursor_execute", hear)
    await ask()
    event.remove(engine, "before_cursor_execute", hear)


async def _watched_by_the_driver(
    database: SqliteDatabase, note: Callable[..., None], ask: Callable[[], Awaitable[Any]]
) -> None:
    """Have SQLite's driver tell what it runs, with the values in it: much goes there straight."""

    def listen(connection: Connection) -> None:
        connection.connection.driver_connection.set_trace_callback(note)

    for engine in (database._engine, database._read_engine):
        event.listen(engine, "begin", listen)
    await ask()
    for engine in (database._engine, database._read_engine):
        event.remove(engine, "begin", listen)
        event.listen(engine, "begin", _hush)


def _hush(connection: Connection) -> None:
    connection.connection.driver_connection.set_trace_callback(None)


def touching(plan: list[str], table: str = "registrations") -> list[str]:
    """The lines that say how a table is reached."""
    return [line for line in plan if line.startswith((f"SEARCH {table} ", f"SCAN {table}"))]


@pytest.fixture
async def sqlite(folder: Path, clock: FakeClock) -> AsyncIterator[World]:
    store = await open_store(Storage(), folder)
    world = await new_world(store, clock)
    await asyncio.gather(*(world.register(f"t{n}", device=f"d{n}", user="ann") for n in range(5)))
    yield world
    await store.close()


async def page_plan(
    world: World, audience: Any, cursor: Cursor | None, limit: int = 1000
) -> list[str]:
    await accept(world, audience)
    claimed = (await claim(world))[-1]
    return await plan_of(world.store, lambda: read(world, claimed, cursor, limit))


@pytest.mark.parametrize("cursor", [None, BEHIND], ids=["first", "later"])
async def test_sqlite_reads_everyone_along_the_primary_key(
    sqlite: World, cursor: Cursor | None
) -> None:
    plan = await page_plan(sqlite, Everyone(), cursor)

    [line] = touching(plan)
    bound = "bucket>? AND bucket<?" if cursor is None else "(bucket,id)>(?,?) AND bucket<?"
    assert f"USING PRIMARY KEY (application_id=? AND {bound})" in line
    assert not any("TEMP B-TREE" in step for step in plan)


@pytest.mark.parametrize("audience", [Everyone(), Users(("ann",)), Tags(("news",))])
async def test_sqlite_looks_up_other_holders_by_their_whole_key(
    sqlite: World, audience: Any
) -> None:
    plan = await page_plan(sqlite, audience, None)

    [line] = touching(plan, "other")
    assert "USING PRIMARY KEY (application_id=? AND bucket=? AND id=?)" in line


@pytest.mark.parametrize("cursor", [None, BEHIND], ids=["first", "later"])
async def test_sqlite_finds_users_by_their_membership(sqlite: World, cursor: Cursor | None) -> None:
    plan = await page_plan(sqlite, Users(("ann",)), cursor)

    [line] = touching(plan)
    assert "ix_registrations_member (application_id=? AND member_id=?" in line


@pytest.mark.parametrize("labels", [("news",), ("news", "alarms")])
async def test_sqlite_looks_up_subscriptions_by_their_whole_key(
    sqlite: World, labels: tuple[str, ...]
) -> None:
    plan = await page_plan(sqlite, Tags(labels), BEHIND)

    assert all(
        "PRIMARY KEY (application_id=? AND (bucket,id)>(?,?)" in line for line in touching(plan)
    )
    key = "(application_id=? AND tag_id=? AND bucket=? AND registration_id=?)"
    lines = touching(plan, "subscriptions")
    assert lines
    assert all(key in line for line in lines)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (RegistrationFilter(external_user_id="ann"), "ix_registrations_member"),
        (RegistrationFilter(device_id="d1"), "ix_registrations_device"),
    ],
)
async def test_sqlite_lists_by_index(sqlite: World, wanted: RegistrationFilter, index: str) -> None:
    plan = await plan_of(
        sqlite.store,
        lambda: sqlite.store.registry.find(sqlite.application.id, wanted, after=None, limit=100),
    )

    [line] = touching(plan)
    assert index in line


async def test_sqlite_registers_without_walking_an_application(sqlite: World) -> None:
    plan = await plan_of(
        sqlite.store,
        lambda: sqlite.register("T", device="new", user="ann", by_user=True, member_limit=25),
    )

    lines = touching(plan)
    assert lines
    assert not any("SCAN" in line or line.endswith("(application_id=?)") for line in lines)


async def test_sqlite_ends_a_session_without_walking_an_application(sqlite: World) -> None:
    session = await sqlite.sign_in("ann")
    await sqlite.register("T", device="new", session=session)

    plan = await plan_of(
        sqlite.store,
        lambda: sqlite.store.identity.end_session(session.id, now=sqlite.now),
    )

    assert any("ix_registrations_member" in line for line in touching(plan))
    assert not any(line.endswith("(application_id=?)") for line in touching(plan))


def rows_for(world: World, labels: dict[str, bytes]) -> dict[Any, list[dict[str, Any]]]:
    """A registry of many users with one device each; all are subscribed to `all`, few to `few`."""
    rows: dict[Any, list[dict[str, Any]]] = {
        table: [] for table in (users, members, registrations, token_holders, subscriptions)
    }
    application_id, at = world.application.id, to_ms(world.now)
    for number in range(ROWS):
        user_id, member_id, key = (new_id(world.now) for _ in range(3))
        place = {"application_id": application_id, "registration_id": key}
        rows[users].append(
            {
                "id": user_id,
                "account_id": world.account.id,
                "external_id": f"u{number}",
                "created_ms": at,
            }
        )
        rows[members].append(
            {"application_id": application_id, "user_id": user_id, "id": member_id}
        )
        rows[registrations].append(
            {
                "application_id": application_id,
                "bucket": key[-1],
                "id": key,
                "slot": key,
                "provider": "fcm",
                "kind": "alert",
                "token": f"t{number}",
                "token_hash": key,
                "claim": "shared",
                "shared": number % 10 == 0,
                "user_id": user_id,
                "member_id": member_id,
                "origin": "native",
                "attributes": "{}",
                "state": "active",
                "created_ms": at,
                "refreshed_ms": at,
            }
        )
        rows[token_holders].append(place | {"token_hash": key})
        for label, tag_id in labels.items():
            if label == "all" or number % 1000 == 0:
                rows[subscriptions].append(
                    place | {"tag_id": tag_id, "bucket": key[-1], "created_ms": at}
                )
    return rows


async def fill(world: World) -> None:
    """Write those rows and have them counted."""
    first = await world.register("first", device="first")
    for label in ("all", "few"):
        await world.store.tags.subscribe(world.application.id, first.id, label, now=world.now)
    labels = {row.label: row.id for row in await world.rows(tags)}

    def work(connection: Connection) -> None:
        for table, rows in rows_for(world, labels).items():
            connection.execute(insert(table), rows)
        connection.execute(text("ANALYZE"))

    await world.store._database.write(work)


@pytest.fixture
async def postgresql(postgres_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    """A database of many rows whose sizes PostgreSQL knows."""
    store = await open_store(Storage(database_url=postgres_url), tmp_path)
    try:
        world = await new_world(store, clock)
        await fill(world)
        yield world
    finally:
        await store.close()


async def test_postgresql_never_scans_a_large_registry_for_a_page(postgresql: World) -> None:
    audiences = [
        Everyone(),
        Users(("u1", "u500")),
        Users(tuple(f"u{n}" for n in range(0, ROWS, 100))),
        Tags(("all",)),
        Tags(("few",)),
        Tags(("all", "few")),
    ]
    for audience in audiences:
        for cursor in (None, BEHIND):
            plan = await page_plan(postgresql, audience, cursor)

            text_of_plan = "\n".join(plan)
            assert plan, audience
            assert "Seq Scan on registrations" not in text_of_plan, text_of_plan
            assert "Seq Scan on token_holders" not in text_of_plan, text_of_plan
            if isinstance(audience, Users):
                assert "ix_registrations_member" in text_of_plan
