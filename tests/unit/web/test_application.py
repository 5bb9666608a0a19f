import pytest
from tests.asgi_client import NoAnswer, call
from tests.unit.web import stubs
from tests.unit.web.stubs import application, dialect, route

from heliograph.web.door import OpenDoor
from heliograph.web.errors import NotAcceptable

pytestmark = pytest.mark.anyio


async def test_parameters_reach_the_handler_decoded():
    app = application(dialect("one", route("GET", "/notes/{id}")))

    answer = await call(app, "GET", "/notes/a%2Fb%20c")

    assert answer.json()["params"] == {"id": "a/b c"}


async def test_an_unknown_path_is_answered_by_the_longest_prefix():
    app = application(
        dialect("rest", prefixes=("/v1", "/")),
        dialect("push", prefixes=("/v1/push", "/users/")),
        dialect("realm", prefixes=("/{runtime}/api/az",)),
    )

    owners = {
        path: (await call(app, "GET", path)).json()["by"]
        for path in ["/", "/x", "/v1/x", "/v1/push/x", "/v1/pushx", "/users/x", "/mfp/api/az/x"]
    }

    assert owners == {
        "/": "rest",
        "/x": "rest",
        "/v1/x": "rest",
        "/v1/push/x": "push",
        "/v1/pushx": "rest",
        "/users/x": "push",
        "/mfp/api/az/x": "realm",
    }


async def test_a_dialect_may_claim_only_what_no_prefix_owns():
    claiming = dialect(
        "claiming",
        prefixes=("/tokens",),
        claims_request=lambda request: request.headers.get("accept") == "application/claim",
    )
    app = application(dialect("rest", prefixes=("/v1", "/")), claiming)
    headers = {"accept": "application/claim"}

    assert (await call(app, "GET", "/else", headers=headers)).json()["by"] == "claiming"
    assert (await call(app, "GET", "/v1/else", headers=headers)).json()["by"] == "rest"
    assert (await call(app, "GET", "/else")).json()["by"] == "rest"


async def test_a_door_with_a_host_owns_what_no_longer_prefix_takes():
    app = application(
        dialect("rest", prefixes=("/v1", "/")),
        OpenDoor(dialect("hosted", prefixes=("/tokens",)), host="hosted.test"),
    )
    at_home = {"host": "Hosted.test:8080"}

    assert (await call(app, "GET", "/x", headers=at_home)).json()["by"] == "hosted"
    assert (await call(app, "GET", "/v1/x", headers=at_home)).json()["by"] == "rest"
    assert (await call(app, "GET", "/tokens/x")).json()["by"] == "rest"


async def test_a_door_with_a_prefix_owns_everything_beneath_it():
    app = application(dialect("rest"), OpenDoor(dialect("inner", route("GET", "/a")), prefix="/in"))

    assert (await call(app, "GET", "/in/a")).json()["door"] == "inner"
    assert (await call(app, "GET", "/in/x")).json()["by"] == "inner"


async def test_a_wrong_method_is_told_the_right_ones():
    app = application(dialect("one", route("PUT", "/a"), route("DELETE", "/a")))

    answer = await call(app, "GET", "/a")

    assert answer.status == 405
    assert answer.header("allow") == "DELETE, PUT"


async def test_an_undecodable_path_is_unknown():
    app = application(dialect("one", route("GET", "/a/{x}")))

    assert (await call(app, "GET", "/a/%FF")).json()["code"] == "nowhere"


async def test_errors_of_the_core_are_rendered_by_the_routes_dialect():
    app = application(
        dialect("rest"),
        dialect("one", route("GET", "/a", stubs.not_found), prefixes=("/one",)),
    )

    answer = await call(app, "GET", "/a")

    assert (answer.status, answer.json()["by"], answer.json()["code"]) == (404, "one", "missing")


async def test_the_dialects_check_runs_before_its_handlers_and_after_routing():
    def check(request):
        raise NotAcceptable("Accept")

    app = application(dialect("one", route("GET", "/a"), check_request=check))

    assert (await call(app, "GET", "/a")).json()["code"] == "web"
    assert (await call(app, "GET", "/b")).json()["code"] == "nowhere"


async def test_a_client_that_left_gets_no_answer():
    app = application(dialect("one", route("POST", "/a", stubs.read_any)))

    with pytest.raises(NoAnswer):
        await call(app, "POST", "/a", body=[b"{"], leaves=True)


async def test_links_never_follow_the_host_header():
    app = application(
        OpenDoor(dialect("one", route("GET", "/a")), prefix="/in"),
        OpenDoor(dialect("two", route("GET", "/b")), host="two.test"),
        listener={"public_url": "https://push.test/"},
    )

    one = await call(app, "GET", "/in/a", headers={"host": "evil.test"})
    two = await call(app, "GET", "/b", headers={"host": "two.test"})

    assert one.json()["url"] == "https://push.test/in"
    assert two.json()["url"] == "https://two.test"


async def test_only_trusted_proxies_say_who_the_client_is():
    headers = [("x-forwarded-for", "6.6.6.6, 203.0.113.9"), ("x-forwarded-for", "10.0.0.2")]
    trusting = application(
        dialect("one", route("GET", "/a")), listener={"trusted_proxies": ["10.0.0.0/8"]}
    )
    distrusting = application(dialect("one", route("GET", "/a")))

    believed = await call(trusting, "GET", "/a", headers=headers, client="10.0.0.1")
    outsider = await call(trusting, "GET", "/a", headers=headers, client="192.0.2.1")
    ignored = await call(distrusting, "GET", "/a", headers=headers, client="10.0.0.1")

    assert believed.json()["client"] == "203.0.113.9"
    assert outsider.json()["client"] == "192.0.2.1"
    assert ignored.json()["client"] == "10.0.0.1"


async def test_a_forwarded_name_that_is_no_address_is_not_believed():
    app = application(
        dialect("one", route("GET", "/a")), listener={"trusted_proxies": ["10.0.0.1"]}
    )

    answer = await call(app, "GET", "/a", headers={"x-forwarded-for": "unknown"}, client="10.0.0.1")

    assert answer.json()["client"] == "10.0.0.1"


async def test_lifespan_is_acknowledged():
    app = application(dialect("one"))
    arriving = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return arriving.pop(0)

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_an_unexpected_error_rises_to_the_server():
    app = application(dialect("one", route("GET", "/a", stubs.break_down)))

    with pytest.raises(RuntimeError):
        await call(app, "GET", "/a")
