from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from heliograph.core.errors import InvalidRequest, NotFound
from heliograph.core.model.registration import Claim, MemberKey, ProviderName, Slot
from heliograph.core.registrations.categories import wants
from heliograph.dialects.navixy import mapping
from heliograph.dialects.navixy.schemas import PushToken
from heliograph.web.errors import UnsupportedMediaType
from heliograph.web.schemas import check

from .conftest import NOW, PRINCIPAL, SESSION

FORM = "application/x-www-form-urlencoded"


def draft_of(**body: Any):
    parameters = {"application": "navixy_iphone_viewer", "token": "t"} | body
    return mapping.to_draft(check(parameters, PushToken), None, PRINCIPAL, now=NOW)


def test_a_token_becomes_the_registration_of_its_session() -> None:
    draft = draft_of()

    assert draft.slot == Slot(session_id=SESSION.id)
    assert (draft.application_id, draft.session_id) == (SESSION.application_id, SESSION.id)
    assert draft.owner == MemberKey(SESSION.user_id, SESSION.member_id, "ann")
    assert (draft.token, draft.claim, draft.origin) == ("t", Claim.EXCLUSIVE, "navixy")
    assert (draft.arrived_at, draft.silent_after) == (NOW, NOW + timedelta(days=30))
    assert draft.silent_with_session
    assert draft.attributes == {"category_filter": "*"}


@pytest.mark.parametrize(
    ("application", "provider"),
    [
        ("navixy_iphone_viewer", ProviderName.APNS),
        ("navixy_android_viewer", ProviderName.FCM),
    ],
)
def test_an_application_tells_the_provider(application: str, provider: ProviderName) -> None:
    assert draft_of(application=application).provider is provider


def test_a_browser_brings_its_keys() -> None:
    keys = {"p256dh": "BNcR_-8=", "auth": "tBH+/w=="}

    draft = draft_of(application="w3c_pushapi", parameters=keys)

    assert draft.provider is ProviderName.WEBPUSH
    assert draft.attributes == {"category_filter": "*", **keys}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("*", "*"),
        ("", "*"),
        ("  ", "*"),
        (" a, b ", "a, b"),
        ("-a,b", "-a,b"),
        ("\u2013 a,b", "- a,b"),
        (" \u2014a", "-a"),
        ("\u2212a", "-a"),
        ("a\u2013b", "a\u2013b"),
    ],
)
def test_a_filter_is_written_as_the_core_reads_it(written: str, read: str) -> None:
    assert draft_of(category_filter=written).attributes["category_filter"] == read


def test_a_typographic_dash_negates_the_whole_list() -> None:
    category_filter = draft_of(category_filter="\u2013 history_task,history_rule").attributes[
        "category_filter"
    ]

    assert not wants(category_filter, "history_task")
    assert not wants(category_filter, "history_rule")
    assert wants(category_filter, "chat_message")


@pytest.mark.parametrize(
    ("raw", "content_type", "expected"),
    [
        (b"", "", {}),
        (b"", "image/png", {}),
        (b"\xef\xbb\xbf \r\n", "application/json", {}),
        (b'{"a": 1, "a": 2, "b": null}', "application/json", {"a": 2}),
        (b'{"a": 1}', "application/json ; charset = UTF-8", {"a": 1}),
        (b'{"a": 1}', "Application/JSON charset=utf-8", {"a": 1}),
        (b'{"a": 1}', "application/problem+json", {"a": 1}),
        (b'\xef\xbb\xbf\n{"a": 1}', "", {"a": 1}),
        (b'{"a": 1}', FORM, {"a": 1}),
        (b'{"a": 1}', "text/plain", {"a": 1}),
        (b"a=1&a=2&b=", "", {"a": "2", "b": ""}),
        (b"a=1", FORM.upper() + ";charset=utf-8", {"a": "1"}),
        (b"a=%7B%7D+", "text/plain", {"a": "{} "}),
        (b"a=1", ";charset=utf-8", {"a": "1"}),
        (b"[1]", FORM, {"[1]": ""}),
    ],
)
def test_a_body_is_read_by_its_type_or_by_how_it_begins(
    raw: bytes, content_type: str, expected: dict[str, Any]
) -> None:
    assert mapping.from_body(raw, content_type) == expected


@pytest.mark.parametrize(
    ("raw", "content_type", "problem"),
    [
        (b"a=1", "application/json", ""),
        (b"{a=1", FORM, ""),
        (b"[]", "application/json", ""),
        (b"a=%FF", FORM, "a"),
        (b'{"a": "\\ud800"}', "", "a"),
    ],
)
def test_an_unreadable_body_says_where(raw: bytes, content_type: str, problem: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        mapping.from_body(raw, content_type)

    assert [found.field for found in caught.value.problems] == [problem]


@pytest.mark.parametrize("content_type", ["application/xml", "multipart/form-data; x=y", "json"])
def test_a_body_of_another_type_is_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        mapping.from_body(b"a=1", content_type)


def test_nothing_bound_is_not_found() -> None:
    with pytest.raises(NotFound):
        mapping.require_bound(None, PRINCIPAL)
