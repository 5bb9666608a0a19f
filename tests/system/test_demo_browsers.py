"""The demo's browsers: what its page prints for them, and the page it serves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from tests.system.printed_page import curl_lines, needs_curl, paste
from tests.system.processes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.conftest import Demo

    StartDemo = Callable[..., Demo]

pytestmark = pytest.mark.system


def test_the_printed_browser_gets_what_is_sent(start_demo: StartDemo) -> None:
    needs_curl()
    demo = start_demo()
    lines = curl_lines(demo.server.out)
    subscribe, register = (line for line in lines if "webpush" in line)

    subscription = paste(subscribe)
    paste(register.replace("SUBSCRIPTION", subscription))
    paste(next(line for line in lines if "First light" in line))

    inbox = f"/simulators/inbox?token={quote(json.loads(subscription)['endpoint'])}"
    (push,) = until(lambda: json.loads(paste(f"curl -s '{demo.server.url}{inbox}'")))
    assert push["payload"] == {"title": "Hello", "body": "First light"}
    assert push["provider"] == "webpush"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "text/html"),
        ("heliograph-webpush.js", "text/javascript"),
        ("service-worker.js", "text/javascript"),
    ],
)
def test_the_page_for_browsers_is_served(demo: Demo, name: str, kind: str) -> None:
    shown = paste(f"curl -si '{demo.server.url}/simulators/webpush/{name}'")

    assert shown.startswith("HTTP/1.1 200 OK")
    assert f"content-type: {kind}" in shown
