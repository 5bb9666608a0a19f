"""What a call of a webhook means for the event and for the endpoint."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.ids import new_id
from heliograph.core.model.webhook import (
    ALL_KINDS,
    Attempt,
    Dispatch,
    Event,
    EventKind,
    Webhook,
    WebhookState,
)
from heliograph.delivery.webhook_rules import (
    GIVE_UP_AFTER,
    LONGEST_RETRY_AFTER,
    SCHEDULE,
    after_failure,
    after_success,
    pause,
    retry_after,
    settled,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KIND = EventKind.REGISTRATION_CREATED
EVENT = Event(new_id(NOW), new_id(NOW), KIND, NOW, {})
WEBHOOK = Webhook(new_id(NOW), new_id(NOW), "https://hooks.example/", ALL_KINDS, NOW, NOW)


def attempt(status, *, at=NOW, detail=None):
    return Attempt(new_id(at), EVENT.id, KIND, at, status, detail, 5)


def dispatch(attempts=0):
    return Dispatch(EVENT, attempts, NOW)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_the_end_of_an_event(status):
    done = settled(dispatch(), attempt(status), None, 0)

    assert done.due is None
    assert done.attempt.is_success


@pytest.mark.parametrize("status", [None, 100, 301, 307, 400, 401, 404, 410, 429, 500, 502, 503])
def test_anything_else_is_tried_again(status):
    assert settled(dispatch(), attempt(status), None, 0).due == NOW + SCHEDULE[0]


def test_the_schedule_takes_about_a_day_and_then_gives_the_event_up():
    at, due = NOW, NOW
    for made in range(len(SCHEDULE)):
        at = due
        due = settled(dispatch(made), attempt(500, at=at), None, 0).due
    last = settled(dispatch(len(SCHEDULE)), attempt(500, at=due), None, 0)

    assert timedelta(hours=23) < due - NOW <= timedelta(hours=26)
    assert SCHEDULE[0] == timedelta(seconds=5)
    assert last.due is None
    assert last.attempts == len(SCHEDULE) + 1


@given(st.floats(0, 1), st.integers(0, len(SCHEDULE) - 1))
def test_jitter_only_prolongs_and_by_a_fifth_at_most(draw, made):
    wait = settled(dispatch(made), attempt(500), None, draw).due - NOW

    assert SCHEDULE[made] <= wait <= SCHEDULE[made] * 1.2


def test_an_overloaded_endpoint_says_when_it_wants_to_be_called():
    asked = timedelta(minutes=10)

    assert settled(dispatch(), attempt(429), asked, 0).due == NOW + asked
    assert settled(dispatch(), attempt(503), timedelta(days=9), 0).due == NOW + LONGEST_RETRY_AFTER
    assert settled(dispatch(), attempt(500), asked, 0).due == NOW + SCHEDULE[0]
    assert pause(WEBHOOK, attempt(503), asked, 0) == asked
    assert pause(WEBHOOK, attempt(400), asked, 0) == timedelta(seconds=1)


def test_a_failing_endpoint_is_left_alone_ever_longer():
    webhook, waits = WEBHOOK, []
    for _ in range(12):
        webhook = after_failure(webhook, attempt(500))
        waits.append(pause(webhook, attempt(500), None, 0))

    assert waits[:3] == [timedelta(seconds=each) for each in (1, 2, 4)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(minutes=5)


def test_a_success_forgives_all_failures():
    failing = after_failure(WEBHOOK, attempt(500))

    assert (failing.failures, failing.failing_since) == (1, NOW)
    assert after_success(failing) == WEBHOOK


def test_410_disables_at_once():
    gone = after_failure(WEBHOOK, attempt(410))

    assert gone.state is WebhookState.DISABLED
    assert gone.disabled_reason == "the endpoint answered 410 Gone"


@pytest.mark.parametrize(
    ("status", "detail", "said"), [(500, None, "status 500"), (None, "no reply in time", None)]
)
def test_a_day_without_success_disables_with_the_last_reason(status, detail, said):
    failing = after_failure(WEBHOOK, attempt(500))
    before = NOW + GIVE_UP_AFTER - timedelta(seconds=1)

    still = after_failure(failing, attempt(status, at=before, detail=detail))
    over = after_failure(still, attempt(status, at=NOW + GIVE_UP_AFTER, detail=detail))

    assert still.state is WebhookState.ENABLED
    assert over.state is WebhookState.DISABLED
    assert over.disabled_reason.endswith(said or detail)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("120", timedelta(seconds=120)),
        (" 0 ", timedelta(0)),
        ("9" * 40, LONGEST_RETRY_AFTER),
        ("Sun, 01 Mar 2026 12:02:00 GMT", timedelta(seconds=120)),
        ("Sun, 01 Mar 2026 12:02:00 -0000", timedelta(seconds=120)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("-5", None),
        ("٣", None),
        ("", None),
        (None, None),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        ("1 Jan 2026 00:00:00 99999999999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, expected):
    assert retry_after(text, now=NOW) == expected
