import pytest
from tests.asgi_client import call
from tests.unit.web.stubs import NO_CORE, application, dialect

from heliograph.config import Config
from heliograph.core.errors import Unavailable
from heliograph.web.application import Application
from heliograph.web.door import OpenDoor

pytestmark = pytest.mark.anyio


def _app(missing_parts):
    return Application(NO_CORE, [OpenDoor(dialect("one"))], Config(), missing_parts=missing_parts)


async def test_a_process_that_answers_is_live():
    answer = await call(application(dialect("one")), "GET", "/health/live")

    assert (answer.status, answer.json()) == (200, {"status": "live"})


async def test_a_server_that_lacks_nothing_is_ready():
    answer = await call(application(dialect("one")), "GET", "/health/ready")

    assert (answer.status, answer.json()) == (200, {"status": "ready"})


async def test_a_server_names_what_it_lacks():
    async def missing():
        return ["storage"]

    answer = await call(_app(missing), "GET", "/health/ready")

    assert answer.status == 503
    assert answer.json() == {"status": "not ready", "missing": ["storage"]}


async def test_a_part_that_does_not_answer_is_missing():
    async def missing():
        raise Unavailable("storage")

    assert (await call(_app(missing), "GET", "/health/ready")).json()["missing"] == ["storage"]


async def test_other_health_paths_and_methods_belong_to_the_doors():
    app = application(dialect("one"))

    assert (await call(app, "GET", "/health/else")).json()["by"] == "one"
    assert (await call(app, "POST", "/health/live")).json()["by"] == "one"


async def test_a_process_without_a_door_answers_for_its_health_only():
    app = Application(NO_CORE, [], Config())

    assert (await call(app, "GET", "/health/ready")).status == 200
    assert (await call(app, "GET", "/v1/openapi.json")).status == 404
    assert (await call(app, "OPTIONS", "/push_tokens")).status == 404
    assert app.label_of({"type": "http"}) == ("", "")
