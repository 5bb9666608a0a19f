"""Webhooks of a real server: nothing that was committed goes untold, however it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.processes import run, until
from tests.system.storm import Storm

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.http_client import Api
    from tests.system.site import Fakes, Site

    from heliograph.simulators.inbox import ReceivedPush

    MakeSite = Callable[..., Site]

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("anyio_backend")]

PATH = "/hooks/system"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options of a site on each engine in turn."""
    if request.param == "sqlite":
        return {}
    return {"database_url": request.getfixturevalue("postgres_url")}


def toml_of(fakes: Fakes) -> str:
    ca_file = json.dumps(str(fakes.simulators.ca_file))
    return (
        f'[outbound]\nallowed_networks = ["127.0.0.0/8"]\n'
        f"[webhooks]\npoll_s = 0.1\ntimeout_s = 2\nca_file = {ca_file}\n"
        "[delivery]\nlease_s = 2\npoll_s = 0.1\nsweep_s = 0.1\n"
    )


def hook(native: Api, fakes: Fakes, path: str, *events: str) -> dict[str, Any]:
    """Make a webhook that the receiver verifies."""
    url = f"{fakes.simulators.webhooks.url}{path}"
    answer = native.post("/webhooks", {"url": url, "events": [*events]})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()
    fakes.simulators.webhook_fake.secrets[path] = made["secret"]
    return made


def received(fakes: Fakes, path: str) -> list[ReceivedPush]:
    return fakes.simulators.inbox.received(path)


def devices(fakes: Fakes, path: str) -> set[str]:
    """Whose registrations the receiver was told of."""
    return {push.payload["data"]["registration"]["user_id"] for push in received(fakes, path)}


def test_a_crash_between_change_and_delivery_loses_no_event(
    make_site: MakeSite, engine: dict[str, Any], fakes: Fakes
) -> None:
    path = f"{PATH}-{len(engine)}"
    site = make_site(fakes=fakes, toml=toml_of(fakes), **engine)
    first = site.serve()
    hook(site.native(first), fakes, path, "registration.created")
    # It takes each event, and so slowly that most are still owed when the server dies.
    fakes.script(token=path, status=200, delay_ms=400, times=10_000)
    with Storm(site.native(first)) as storm:
        until(lambda: len(storm.acknowledged) > 150 and len(received(fakes, path)) > 4)
        first.kill()
    told_before = len(received(fakes, path))
    fakes.clear_faults()

    second = site.serve()

    wanted = {token.replace("storm", "user") for token in storm.acknowledged}
    until(lambda: wanted <= devices(fakes, path), within_s=90)
    ids = [push.headers["webhook-id"] for push in received(fakes, path)]
    assert told_before < len(wanted)
    assert len(ids) - len(set(ids)) <= 64
    second.stop()


def test_a_broadcast_and_its_receipts_are_told_and_can_be_replayed(
    make_site: MakeSite, fakes: Fakes
) -> None:
    path = f"{PATH}-broadcast"
    site = make_site(fakes=fakes, toml=toml_of(fakes))
    server = site.serve()
    native = site.native(server)
    events = ["notification.status", "delivery.accepted", "receipt.opened"]
    made = hook(native, fakes, path, *events)
    with Storm(native, total=120, prefix="told"):
        pass

    sent = native.post(
        "/notifications", {"audience": {"everyone": True}, "content": {"body": "hi"}}
    ).json()
    # In as many events as the page was committed in steps.
    until(lambda: len(_accepted(fakes, path)) == 120)
    [first, *_] = native.get(f"/notifications/{sent['id']}/deliveries").json()["items"]
    receipt = {"kind": "opened", "registration_id": first["registration_id"]}
    for _ in range(2):
        assert native.post(f"/notifications/{sent['id']}/receipts", receipt).status == 204

    [opened] = until(lambda: _of(fakes, path, "receipt.opened"))
    assert opened["registration_id"] == first["registration_id"]
    until(lambda: len(_of(fakes, path, "notification.status")) >= 2)
    states = {body["state"] for body in _of(fakes, path, "notification.status")}
    assert states == {"running", "completed"}
    shown = native.get(f"/notifications/{sent['id']}").json()
    assert (shown["counters"]["accepted"], shown["receipts"]["opened"]) == (120, 1)

    before = received(fakes, path)
    options = (*site.options, "--application", site.application)
    replayed = run(
        "webhooks", "replay", made["id"], "--since", "2026-01-01T00:00:00Z", *options, "--json"
    ).json()
    assert replayed == {"events": len(before)}
    until(lambda: len(received(fakes, path)) == 2 * len(before))
    ids = {push.headers["webhook-id"] for push in received(fakes, path)}
    assert len(ids) == len(before)
    attempts = run("webhooks", "attempts", made["id"], *options, "--json").json()
    assert {each["status"] for each in attempts} == {204}
    server.stop()


def test_an_endpoint_that_is_gone_is_disabled_and_enabled_again(
    make_site: MakeSite, fakes: Fakes
) -> None:
    path = f"{PATH}-gone"
    site = make_site(fakes=fakes, toml=toml_of(fakes))
    server = site.serve()
    native = site.native(server)
    made = hook(native, fakes, path, "registration.created")
    fakes.script(token=path, status=410)
    with Storm(native, total=1, prefix="gone"):
        pass
    place = f"/webhooks/{made['id']}"

    until(lambda: native.get(place).json()["state"] == "disabled")
    assert native.get(place).json()["disabled_reason"] == "the endpoint answered 410 Gone"
    assert received(fakes, path) == []

    options = (*site.options, "--application", site.application)
    assert run("webhooks", "enable", made["id"], *options, "--json").json()["state"] == "enabled"
    until(lambda: received(fakes, path))
    assert devices(fakes, path) == {"user-0"}
    server.stop()


def test_a_hanging_endpoint_delays_neither_the_api_nor_another_endpoint(
    make_site: MakeSite, fakes: Fakes
) -> None:
    hanging, quick = f"{PATH}-hanging", f"{PATH}-quick"
    site = make_site(fakes=fakes, toml=toml_of(fakes))
    server = site.serve()
    native = site.native(server)
    for path in (hanging, quick):
        hook(native, fakes, path, "registration.created")
    fakes.script(token=hanging, status=200, delay_ms=60_000, times=100)

    with Storm(native, total=60, prefix="quick") as storm:
        pass

    assert len(storm.acknowledged) == 60
    until(lambda: len(devices(fakes, quick)) == 60, within_s=14)
    server.stop()


def _of(fakes: Fakes, path: str, kind: str) -> list[Any]:
    """What was said of a kind of event."""
    payloads = [push.payload for push in received(fakes, path)]
    return [payload["data"] for payload in payloads if payload["type"] == kind]


def _accepted(fakes: Fakes, path: str) -> set[str]:
    """Whose deliveries were told to be accepted."""
    told = _of(fakes, path, "delivery.accepted")
    return {each["registration_id"] for body in told for each in body["deliveries"]}
