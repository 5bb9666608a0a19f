import pytest
from tests.asgi_client import call
from tests.unit.web.stubs import application, dialect, route

from heliograph.web.door import OpenDoor

pytestmark = pytest.mark.anyio

PREFLIGHT = {"origin": "https://page.test", "access-control-request-method": "DELETE"}


@pytest.fixture
def app():
    return application(
        OpenDoor(dialect("open", route("DELETE", "/a"), prefixes=("/",))),
        OpenDoor(
            dialect("strict", route("GET", "/b"), prefixes=("/b",)),
            cors_origins=("https://page.test",),
        ),
    )


async def test_a_preflight_is_answered_by_the_door_of_the_route(app):
    answer = await call(app, "OPTIONS", "/a", headers=PREFLIGHT)

    assert answer.status == 204
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("access-control-allow-methods") == "DELETE"
    assert answer.header("access-control-allow-headers") == "authorization, content-type"


async def test_a_preflight_for_another_method_tells_the_right_ones(app):
    answer = await call(app, "OPTIONS", "/b", headers=PREFLIGHT)

    assert answer.header("access-control-allow-methods") == "GET"
    assert answer.header("access-control-allow-origin") == "https://page.test"


async def test_a_foreign_origin_learns_nothing(app):
    headers = {**PREFLIGHT, "origin": "https://evil.test"}

    answer = await call(app, "OPTIONS", "/b", headers=headers)

    assert answer.status == 204
    assert answer.header("access-control-allow-origin") is None
    assert answer.header("access-control-allow-methods") is None


async def test_answers_and_errors_can_be_read_by_the_page(app):
    origin = {"origin": "https://page.test"}

    good = await call(app, "GET", "/b", headers=origin)
    bad = await call(app, "GET", "/b/x", headers=origin)

    for answer in (good, bad):
        assert answer.header("access-control-allow-origin") == "https://page.test"
        assert answer.header("access-control-expose-headers") == "link"
        assert answer.header("vary") == "Origin"


async def test_answers_to_no_page_carry_no_cors_headers(app):
    assert (await call(app, "DELETE", "/a")).header("access-control-allow-origin") is None


async def test_options_without_a_page_is_a_method_like_others(app):
    assert (await call(app, "OPTIONS", "/a")).status == 405
