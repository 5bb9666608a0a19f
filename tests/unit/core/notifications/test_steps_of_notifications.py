"""Requests that are repeated, and notifications that are stopped: what the store's answer means."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.core.stubs import APPLICATION, NOW, ListedNotifications, RecordingStore, client

from heliograph.core.errors import (
    InvalidRequest,
    KeyReused,
    NotFound,
    NotPermitted,
    Problem,
    ProblemKind,
    WrongState,
)
from heliograph.core.ids import new_id, spell
from heliograph.core.model.audience import Everyone
from heliograph.core.model.identity import Scope
from heliograph.core.model.notification import Content, Notification, NotificationState, Options
from heliograph.core.notifications.idempotency import IdempotencyKey, Remembered, body_hash
from heliograph.core.notifications.notifications import Notifications
from heliograph.core.notifications.states import GOALS, Step

pytestmark = pytest.mark.anyio

KEY = IdempotencyKey("k", body_hash({}))
HELLO = Content(body="hello")
MADE = Notification(
    new_id(NOW),
    APPLICATION.id,
    Everyone(),
    HELLO,
    Options(),
    NotificationState.RUNNING,
    NOW,
    NOW,
)
SPELLED = spell("notification", MADE.id)


@pytest.fixture
def rung():
    return []


@pytest.fixture
def store():
    return RecordingStore()


@pytest.fixture
def notifications(store, clock, rung):
    return Notifications(store, clock, lambda: rung.append(1))


def accept(notifications, key=KEY, **options):
    return notifications.accept(client(), APPLICATION, Everyone(), HELLO, Options(**options), key)


async def test_a_repeated_request_is_answered_and_not_judged_anew(notifications, store, clock):
    store.answers["remembered"] = Remembered(KEY.body_hash, MADE)
    too_late = clock.now() - timedelta(days=1)

    assert await accept(notifications, send_at=too_late) is MADE
    assert store.asked("accept") == []


async def test_a_key_with_another_body_is_a_conflict(notifications, store):
    store.answers["remembered"] = Remembered(body_hash([]), MADE)

    with pytest.raises(KeyReused) as caught:
        await accept(notifications)

    assert (caught.value.kind, caught.value.id) == ("idempotency_key", "k")


async def test_the_first_of_two_at_once_decides(notifications, store, rung):
    # Nobody remembered the key when it was asked, but the store did when it was written.
    store.answers["accept"] = MADE

    assert await accept(notifications) is MADE
    assert rung == [1]


async def test_of_two_at_once_with_other_bodies_one_is_a_conflict(notifications, store, rung):
    store.answers["accept"] = None

    with pytest.raises(KeyReused):
        await accept(notifications)

    assert rung == []


async def test_what_is_for_later_wakes_nobody(notifications, store, clock, rung):
    given = clock.now() + timedelta(hours=1)
    scheduled = replace(MADE, state=NotificationState.SCHEDULED)
    store.answers["accept"] = scheduled

    await accept(notifications, send_at=given)

    [(written, key)] = store.asked("accept")
    assert (written.state, written.started_at) == (NotificationState.SCHEDULED, None)
    assert key is KEY
    assert rung == []


async def test_what_is_a_little_late_starts_at_once(notifications, store, clock):
    store.answers["accept"] = MADE

    await accept(notifications, send_at=clock.now() - timedelta(seconds=60))

    [(written, _)] = store.asked("accept")
    assert (written.state, written.started_at) == (NotificationState.RUNNING, clock.now())


async def test_what_weighs_too_much_is_refused(store, clock):
    async def weigh(*_):
        return [Problem(("content",), ProblemKind.TOO_LARGE, "smaller")]

    notifications = Notifications(store, clock, lambda: None, weigh)

    with pytest.raises(InvalidRequest) as caught:
        await accept(notifications, None)

    assert [each.field for each in caught.value.problems] == ["content"]
    assert store.asked("accept") == []


STEPS = [("cancel", Step.CANCEL), ("pause", Step.PAUSE), ("resume", Step.RESUME)]


@pytest.mark.parametrize(("name", "step"), STEPS)
async def test_a_step_answers_where_it_led(notifications, store, name, step):
    store.answers["step"] = replace(MADE, state=GOALS[step])

    found = await getattr(notifications, name)(client(), APPLICATION, MADE.id)

    assert found.state is GOALS[step]
    assert store.asked("step") == [(APPLICATION.id, MADE.id, step)]


async def test_only_what_goes_on_wakes_the_engine(notifications, store, rung):
    for name, step in STEPS:
        store.answers["step"] = replace(MADE, state=GOALS[step])
        await getattr(notifications, name)(client(), APPLICATION, MADE.id)

    assert rung == [1]


@pytest.mark.parametrize(("name", "step"), STEPS)
async def test_a_state_that_allows_no_step_is_named(notifications, store, rung, name, step):
    store.answers["step"] = replace(MADE, state=NotificationState.EXPIRED)

    with pytest.raises(WrongState) as caught:
        await getattr(notifications, name)(client(), APPLICATION, MADE.id)

    error = caught.value
    assert (error.kind, error.id, error.state) == ("notification", SPELLED, "expired")
    assert rung == []


@pytest.mark.parametrize(("name", "step"), STEPS)
async def test_a_step_of_nothing_is_not_found(notifications, name, step):
    with pytest.raises(NotFound):
        await getattr(notifications, name)(client(), APPLICATION, MADE.id)


@pytest.mark.parametrize(("name", "step"), STEPS)
async def test_only_who_may_send_takes_steps(notifications, store, name, step):
    reader = client(scopes=frozenset({Scope.NOTIFICATIONS_READ}))

    with pytest.raises(NotPermitted):
        await getattr(notifications, name)(reader, APPLICATION, MADE.id)

    assert store.calls == []


async def test_addresses_are_looked_at_unless_the_caller_looked_them_up(clock):
    store = ListedNotifications()
    wrong = Problem(("audience", "addresses", 0, "token"), ProblemKind.MALFORMED, "a number")
    notifications = Notifications(store, clock, lambda: None, look=lambda _: [wrong])
    given = (client(), APPLICATION, Everyone(), Content(body="x"), Options())

    with pytest.raises(InvalidRequest) as caught:
        await notifications.accept(*given)
    await notifications.accept(*given, takes_any_address=True)

    assert caught.value.problems == (wrong,)
    assert len(store.accepted) == 1
