from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.providers.pages import NOW

from heliograph.core.model.notification import Content, Options
from heliograph.core.model.registration import ProviderName
from heliograph.providers.wns.request import build_message


def message_of(content, **options):
    made = Options(**options)
    return build_message(content, made, expires_at=NOW + timedelta(seconds=made.ttl_s), now=NOW)


def said(**overrides):
    return message_of(Content(title="Hi", overrides={ProviderName.WNS: overrides}))


@given(st.text(), st.text())
def test_whatever_a_text_says_it_is_only_text(title, body):
    message = message_of(Content(title="." + title[:200], body=body[:200]))

    tree = ET.fromstring(message.body)
    assert {element.tag for element in tree.iter()} <= {"toast", "visual", "binding", "text"}
    assert len(list(tree.iter("text"))) <= 2


@pytest.mark.parametrize(
    ("content", "kind", "body"),
    [
        (Content(badge=150), "badge", b'<badge value="99" />'),
        (Content(data={"a": 1}), "raw", b'{"a":1}'),
        (Content(title="x", badge=1, data={"a": 1}), "toast", b'launch="{&quot;a&quot;:1}"'),
    ],
)
def test_the_kind_is_what_shows_the_most(content, kind, body):
    message = message_of(content)

    assert message.headers["x-wns-type"] == f"wns/{kind}"
    assert body in message.body


def test_how_long_wns_keeps_it():
    raw, toast = Content(data={"a": 1}), Content(title="x")

    assert message_of(toast).headers["x-wns-ttl"] == "2419200"
    assert message_of(toast, ttl_s=0).headers["x-wns-ttl"] == "1"
    assert message_of(raw, ttl_s=60).headers["x-wns-cache-policy"] == "cache"
    assert message_of(raw, ttl_s=0).headers["x-wns-cache-policy"] == "no-cache"


def test_a_tile_replaces_one_of_the_same_key():
    tile = Content(title="x", overrides={ProviderName.WNS: {"type": "tile"}})

    short, long = message_of(tile, collapse_key="news1"), message_of(tile, collapse_key="ne ws")

    assert short.headers["x-wns-tag"] == "news1"
    assert len(long.headers["x-wns-tag"]) == 16


def test_headers_may_be_said_in_any_case():
    message = said(headers={"X-WNS-TTL": 5, "x-wns-Group": "g1", "X-WNS-RequestForStatus": False})

    assert message.headers["x-wns-ttl"] == "5"
    assert message.headers["x-wns-group"] == "g1"
    assert message.headers["x-wns-requestforstatus"] == "false"


@pytest.mark.parametrize(
    ("overrides", "word"),
    [
        ({"color": 1}, "color"),
        ({"type": "poster"}, "type must be"),
        ({"type": "toast", "badge": 1}, "badge is no toast"),
        ({"raw": 1, "xml": "<toast/>"}, "exclude"),
        ({"type": "tile", "headers": {"X-WNS-Type": "wns/toast"}}, "differ"),
        ({"headers": {"Authorization": "x"}}, "Authorization"),
        ({"headers": {"X-WNS-TTL": "soon"}}, "X-WNS-TTL"),
        ({"headers": {"X-WNS-TTL": 2_592_001}}, "X-WNS-TTL"),
        ({"headers": {"X-WNS-Tag": "a b"}}, "X-WNS-Tag"),
        ({"headers": {"X-WNS-Tag": "a\r\nX-Evil: 1"}}, "X-WNS-Tag"),
        ({"headers": {"X-WNS-Cache-Policy": "yes"}}, "X-WNS-Cache-Policy"),
        ({"headers": []}, "headers must be"),
        ({"xml": "<toast>"}, "well-formed"),
        ({"xml": "<tile/>"}, "root element toast"),
        ({"xml": 5}, "string"),
        ({"type": "raw", "xml": "<toast/>"}, "raw"),
        ({"xml": '<!DOCTYPE a [<!ENTITY b "c">]><toast>&b;</toast>'}, "document type"),
        ({"xml": '<?xml version="1.0" encoding="latin-1"?><toast/>'}, "UTF-8"),
        ({"raw_base64": "!"}, "Base64"),
        ({"raw_base64": 5}, "Base64"),
        ({"raw": float("nan")}, "JSON"),
        ({"toast": "x"}, "object"),
        ({"toast": {"a b": 1}}, "attribute"),
        ({"toast": {"a b": {}}}, "element"),
        ({"toast": {"text": [{"content": object()}]}}, "strings"),
        ({"xml": "<toast>" + "x" * 5000 + "</toast>"}, "at most 5000"),
        ({"type": "badge"}, "nothing to say"),
        ({"type": "raw"}, "nothing to say"),
    ],
)
def test_what_cant_be_is_refused_by_name(overrides, word):
    assert word in (said(**overrides).problem or "")


def test_elements_may_not_be_nested_without_end():
    nested = {}
    for _ in range(40):
        nested = {"group": nested}

    assert "nested" in (said(toast=nested).problem or "")


def test_data_that_is_no_json_is_named():
    assert message_of(Content(data={"a": float("nan")})).problem == "data is not JSON"
    assert message_of(Content(data={"a": object()})).problem == "data is not JSON"


def test_a_toast_in_mobilefirsts_words():
    message = said(
        toast={
            "launch": {"page": 1},
            "duration": "long",
            "audio": {"src": "ms-winsoundevent:Notification.Mail", "loop": False, "silent": None},
            "visual": {
                "binding": {
                    "template": "ToastText02",
                    "text": [{"content": "a<b", "lang": "en"}, {"content": "c"}],
                    "image": [{"src": "x.png", "alt": "x"}],
                }
            },
        }
    )

    toast = ET.fromstring(message.body)
    assert (toast.get("launch"), toast.get("duration")) == ('{"page":1}', "long")
    assert toast.find("audio").attrib == {
        "src": "ms-winsoundevent:Notification.Mail",
        "loop": "false",
    }
    binding = toast.find("visual/binding")
    assert [(text.get("id"), text.text) for text in binding.findall("text")] == [
        ("1", "a<b"),
        ("2", "c"),
    ]
    assert binding.find("image").get("src") == "x.png"
