"""Who sees what at the root. Source: docs/dialects/layer.md, "Discovery"."""

from __future__ import annotations

import pytest
from starlette.responses import Response
from tests.asgi_client import call
from tests.unit.web.stubs import dialect, route

from heliograph.config import Config
from heliograph.web.application import Application
from heliograph.web.door import doors_of

pytestmark = pytest.mark.anyio

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def front_page(request, core):
    del request, core
    return Response("<!doctype html>", media_type="text/html")


def application(*, has_front_page):
    doors = doors_of(Config(), [dialect("layer", route("GET", "/"), prefixes=("/",))])
    page = front_page if has_front_page else None
    return Application(None, doors, Config(), front_page=page)


@pytest.mark.parametrize(
    ("method", "path", "accept", "has_front_page", "is_page"),
    [
        ("GET", "/", BROWSER, True, True),
        ("GET", "/", "Text/HTML", True, True),
        ("GET", "/", BROWSER, False, False),
        ("GET", "/", "*/*", True, False),
        ("GET", "/", "application/vnd.layer+json; version=1.0", True, False),
        ("GET", "/", None, True, False),
        ("POST", "/", BROWSER, True, False),
        ("GET", "/else", BROWSER, True, False),
    ],
)
async def test_a_browser_at_the_root_sees_the_front_page_where_there_is_one(
    method, path, accept, has_front_page, is_page
):
    headers = {} if accept is None else {"accept": accept}

    answer = await call(application(has_front_page=has_front_page), method, path, headers=headers)

    assert (answer.body == b"<!doctype html>") == is_page
