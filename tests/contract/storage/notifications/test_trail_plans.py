"""Naming a user, and asking what became of a notification for them, reads nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.database.test_plans import plan_of, sqlite, touching
from tests.contract.storage.sending import accept

from heliograph.core.ids import new_id, spell
from heliograph.core.model.audience import Users
from heliograph.core.model.delivery import DeliveryFilter

if TYPE_CHECKING:
    from tests.contract.storage.world import World

__all__ = ["sqlite"]

pytestmark = pytest.mark.anyio


async def test_naming_users_reads_no_others(sqlite: World) -> None:
    names = ("ann", spell("user", new_id(sqlite.now)))

    plan = await plan_of(
        sqlite.store,
        lambda: sqlite.store.audiences.reach(sqlite.application.id, Users(names), now=sqlite.now),
    )

    lines = touching(plan, "users")
    assert any("(account_id=? AND external_id=?)" in line for line in lines)
    assert all("external_id=?" in line or "(id=?)" in line for line in lines), lines


async def test_the_trail_of_a_user_is_found_by_keys(sqlite: World) -> None:
    notification_id = await accept(sqlite)
    store = sqlite.store.notifications
    notification = await store.notification(sqlite.application.id, notification_id)
    assert notification is not None

    plan = await plan_of(
        sqlite.store,
        lambda: store.deliveries(
            notification, DeliveryFilter(user_id="ann"), after=None, limit=100
        ),
    )

    assert all("member_id=?" in line for line in touching(plan))
    assert all("member_id=?" in line for line in touching(plan, "departed_registrations"))
    assert all("external_id=?" in line for line in touching(plan, "users"))
    assert touching(plan)
    assert touching(plan, "departed_registrations")
