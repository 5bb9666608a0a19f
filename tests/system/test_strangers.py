"""Who may not: keys of other applications, sessions that are over, senders that never finish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.system.http_client import LAYER_TYPE
from tests.system.processes import run, until
from tests.system.site import Site, everything

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.http_client import Answer, Api
    from tests.system.processes import ServerProcess

pytestmark = pytest.mark.system

HASTY = "[limits]\nbody_timeout_s = 0.5\n[security]\ncache_ttl_s = 0\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"), toml=HASTY)
    yield made
    made.end()


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[ServerProcess]:
    started = site.serve()
    yield started
    started.stop()
    assert "request_failed" not in started.err


@pytest.fixture(scope="module")
def neighbour(site: Site) -> str:
    """The key of a back end that is bound to another application."""
    other = run("applications", "create", "Other", *site.options, "--json").json()["id"]
    bound = ("--application", other, *site.options, "--json")
    return run("clients", "create", "neighbour", *bound).json()["api_key"]


def test_a_neighbour_finds_none_of_our_ids(
    site: Site, server: ServerProcess, neighbour: str
) -> None:
    native = site.native(server)
    registered = _register(native, "ours").json()["id"]
    body = {"audience": {"everyone": True}, "content": {"title": "Ours"}}
    sent = native.post("/notifications", body).json()["id"]
    before = everything(native)
    stranger = server.api.at(
        f"/v1/applications/{site.application}", authorization=f"Bearer {neighbour}"
    )

    answers = [
        stranger.call(method, path, content)
        for method, path, content in (
            ("GET", "/registrations", None),
            ("POST", "/registrations", {"provider": "fcm", "token": "theirs"}),
            ("POST", "/registrations", {"wrong": True}),
            ("GET", f"/registrations/{registered}", None),
            ("PATCH", f"/registrations/{registered}", {"token": "theirs"}),
            ("DELETE", f"/registrations/{registered}", None),
            ("PUT", f"/registrations/{registered}/tags/news", None),
            ("POST", "/sessions", {"user_id": "ann"}),
            ("POST", "/notifications", body),
            ("GET", f"/notifications/{sent}", None),
            ("GET", f"/notifications/{sent}/deliveries", None),
        )
    ]

    assert {answer.status for answer in answers} == {404}
    assert {answer.json()["detail"] for answer in answers} == {f"application: {site.application}"}
    assert everything(native) == before


def test_to_a_neighbour_our_registrations_are_like_unknown_ones(
    site: Site, server: ServerProcess, neighbour: str
) -> None:
    registered = _register(site.native(server), "ours-too").json()["id"]
    listed = server.api.at("/v1/applications", authorization=f"Bearer {neighbour}")
    own = _own_application(site)

    fates = []
    for target in (registered, "reg_" + "0" * 26):
        body = {"audience": {"registrations": [target]}, "content": {"title": "Theirs"}}
        place = f"/{own}/notifications/{listed.post(f'/{own}/notifications', body).json()['id']}"
        until(lambda place=place: listed.get(place).json()["state"] == "completed")
        (delivery,) = listed.get(f"{place}/deliveries").json()["items"]
        fates.append((delivery["state"], delivery["reason"], delivery["provider"]))

    assert fates == [("canceled", "registration is gone", None)] * 2


def test_a_session_sees_and_changes_only_its_own_users_registrations(
    site: Site, server: ServerProcess
) -> None:
    native = site.native(server)
    ours = _register(native, "of-bob", user_id="bob").json()["id"]
    session = _session(native, user_id="eve").json()["token"]
    eve = native.at("", authorization=f"Bearer {session}")

    assert eve.get("/registrations").json()["items"] == []
    assert eve.get(f"/registrations/{ours}").status == 404
    assert eve.call("DELETE", f"/registrations/{ours}").status == 404
    assert _register(eve, "forged", user_id="bob").status == 403
    assert _session(eve, user_id="bob").status == 403
    body = {"audience": {"everyone": True}, "content": {"title": "Mine"}}
    assert eve.post("/notifications", body).status == 403
    assert native.get(f"/registrations/{ours}").status == 200


@pytest.mark.parametrize("form", ["native", "layer"])
def test_an_expired_session_opens_nothing(site: Site, server: ServerProcess, form: str) -> None:
    native = site.native(server)
    session = _session(native, user_id="short", form=form, ttl_s=1).json()["token"]
    if form == "native":
        caller, path = native.at("", authorization=f"Bearer {session}"), "/registrations/reg_x"
    else:
        header = f'Layer session-token="{session}"'
        caller = server.api.at("", accept=LAYER_TYPE, authorization=header)
        path = "/push_tokens/x"

    answer = until(lambda: _refused(caller.call("DELETE", path)))

    if form == "native":
        assert answer.json()["code"] == "not_authenticated"
    else:
        assert answer.json()["code"] == 4
        assert answer.json()["data"]["nonce"]


@pytest.mark.parametrize("dialect", ["native", "layer"])
def test_a_body_that_does_not_arrive_in_time_is_given_up(
    site: Site, server: ServerProcess, dialect: str
) -> None:
    api = site.native(server) if dialect == "native" else site.layer(server)
    path = "/registrations" if dialect == "native" else "/push_tokens"

    answer = api.raw("POST", path, ["content-length: 1000"], b'{"token": ')

    assert answer.status == 408
    assert answer.headers["connection"] == "close"
    assert answer.json()["code"] == ("request_timeout" if dialect == "native" else 8)


@pytest.mark.parametrize("dialect", ["native", "layer"])
def test_a_body_that_is_not_announced_is_read_as_json(
    site: Site, server: ServerProcess, dialect: str
) -> None:
    api = site.native(server) if dialect == "native" else site.layer(server)
    path = "/registrations" if dialect == "native" else "/push_tokens"
    fields = b'"provider": "fcm"' if dialect == "native" else b'"type": "gcm"'
    body = b'{"token": "unannounced", "device_id": "unannounced", ' + fields + b"}"

    answer = api.raw("POST", path, [f"content-length: {len(body)}"], body)

    assert answer.status in (201, 202)


def _register(native: Api, token: str, **fields: Any) -> Answer:
    return native.post("/registrations", {"provider": "fcm", "token": token, **fields})


def _session(native: Api, **fields: Any) -> Answer:
    return native.post("/sessions", fields)


def _refused(answer: Answer) -> Answer | None:
    return answer if answer.status == 401 else None


def _own_application(site: Site) -> str:
    rows = run("applications", "list", *site.options, "--json").json()
    return next(row["id"] for row in rows if row["name"] == "Other")
