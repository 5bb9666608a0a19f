from datetime import UTC, datetime

import pytest

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.core.ids import new_id
from heliograph.core.model import audience as audiences
from heliograph.core.model.notification import (
    Content,
    Notification,
    NotificationState,
    Options,
    Priority,
    Record,
)
from heliograph.core.model.registration import ProviderName, TokenKind
from heliograph.dialects.native.mapping import notifications as mapping
from heliograph.dialects.native.schemas import notifications as schemas

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_overrides_are_kept_by_provider():
    body = schemas.ContentBody.model_validate(
        {"overrides": {"apns": {"aps": {"sound": "x"}}, "sms": {}}}
    )

    content = mapping.to_content(body)

    assert content.overrides == {
        ProviderName.APNS: {"aps": {"sound": "x"}},
        ProviderName.SMS: {},
    }


def test_every_option_is_translated():
    body = schemas.OptionsBody.model_validate(
        {
            "ttl_s": 60,
            "priority": "normal",
            "collapse_key": "k",
            "category": "news",
            "kind": "voip",
            "send_at": "2026-01-02T04:04:05.678+01:00",
            "max_per_second": 5,
            "record": "failures",
        }
    )

    options = mapping.to_options(body)

    assert options.priority is Priority.NORMAL
    assert options.kind is TokenKind.VOIP
    assert options.record is Record.FAILURES
    assert options.send_at == datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert (options.ttl_s, options.max_per_second) == (60, 5)
    assert (options.collapse_key, options.category) == ("k", "news")


def test_a_key_stands_for_what_its_body_says():
    one = mapping.to_idempotency_key(["k"], {"a": 1, "b": [2]})
    same = mapping.to_idempotency_key(["k"], {"b": [2], "a": 1})
    other = mapping.to_idempotency_key(["k"], {"a": 1, "b": [3]})

    assert one == same != other


def test_without_a_key_there_is_none():
    assert mapping.to_idempotency_key([], {}) is None


def test_a_key_is_given_once():
    with pytest.raises(InvalidRequest) as caught:
        mapping.to_idempotency_key(["k", "k"], {})

    [problem] = caught.value.problems
    assert (problem.field, problem.kind) == ("Idempotency-Key", ProblemKind.TOO_MANY)


@pytest.mark.parametrize(
    ("audience", "form"),
    [
        (audiences.Everyone(), "everyone"),
        (audiences.Users(("ann",)), "users"),
        (audiences.Tags(("news",)), "tags"),
        (audiences.Devices(("phone-1",)), "devices"),
        (audiences.Registrations((new_id(NOW),)), "registrations"),
        (audiences.Addresses(()), "addresses"),
        (audiences.Recipients.of(()), "recipients"),
    ],
)
def test_a_notification_is_shown_whichever_dialect_named_its_audience(audience, form):
    notification = Notification(
        id=new_id(NOW),
        application_id=new_id(NOW),
        audience=audience,
        content=Content(body="hi"),
        options=Options(),
        state=NotificationState.RUNNING,
        created=NOW,
    )

    shown = mapping.from_notification(notification)

    assert shown.audience == form
