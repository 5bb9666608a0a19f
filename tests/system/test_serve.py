"""`heliograph serve`: what was acknowledged stays, however the process ends."""

from __future__ import annotations

import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.processes import run, until
from tests.system.site import everything
from tests.system.storm import Storm

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.http_client import Api
    from tests.system.site import Fakes, Site

    MakeSite = Callable[..., Site]

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("anyio_backend")]

PAGE = 20
PHONES = 400
SMALL_PAGES = f"[delivery]\npage_size = {PAGE}\nlease_s = 2\npoll_s = 0.1\nsweep_s = 0.1\n"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options of a site on each engine in turn."""
    if request.param == "sqlite":
        return {}
    return {"database_url": request.getfixturevalue("postgres_url")}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_every_acknowledged_registration_survives_the_end_of_the_process(
    make_site: MakeSite, engine: dict[str, Any], number: int
) -> None:
    site = make_site(**engine)
    first = site.serve()
    with Storm(site.native(first)) as storm:
        until(lambda: len(storm.acknowledged) > 200)
        if number == signal.SIGTERM:
            first.stop(number)
        else:
            first.kill()

    second = site.serve()

    stored = [item["token"] for item in everything(site.native(second))]
    assert storm.statuses == {201}
    assert set(storm.acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))
    with Storm(site.native(second), total=20, prefix="after") as after:
        pass
    assert len(after.acknowledged) == 20
    second.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_broadcast_that_was_cut_off_is_completed_by_the_next_start(
    make_site: MakeSite, engine: dict[str, Any], fakes: Fakes, number: int
) -> None:
    site = make_site(fakes=fakes, toml=SMALL_PAGES, **engine)
    prefix = f"cut-{number}-{len(engine)}"
    first = site.serve()
    with Storm(site.native(first), total=PHONES, prefix=prefix) as phones:
        pass
    assert len(phones.acknowledged) == PHONES
    fakes.script(token="*", status=200, delay_ms=50, times=10 * PHONES)
    notification = _broadcast(site.native(first))
    until(lambda: len(_received(fakes, prefix)) > 2 * PAGE)
    if number == signal.SIGTERM:
        first.stop(number)
    else:
        first.kill()
    fakes.clear_faults()
    received_before = len(_received(fakes, prefix))

    second = site.serve()

    native = site.native(second)
    report = until(lambda: _completed(native, notification))
    received = Counter(_received(fakes, prefix))
    assert received_before < PHONES
    assert set(received) == set(phones.acknowledged)
    assert report["counters"]["accepted"] == report["counters"]["targets"] == PHONES
    doubles = sum(times - 1 for times in received.values())
    # SIGTERM waits for the pages in flight; after a power cut they are sent again.
    assert doubles <= (0 if number == signal.SIGTERM else 4 * PAGE)
    deliveries = everything(native, f"notifications/{notification}/deliveries")
    assert Counter(item["state"] for item in deliveries) == {"accepted": PHONES}
    second.stop()


def test_a_push_accepted_by_an_api_node_is_delivered_by_a_worker_node(
    make_site: MakeSite, postgres_url: str, fakes: Fakes
) -> None:
    site = make_site(database_url=postgres_url, fakes=fakes, toml=SMALL_PAGES)
    api, token = site.serve("--role", "api", name="api"), "role-of-the-api"
    native = site.native(api)
    native.post("/registrations", {"provider": "fcm", "token": token})
    notification = _broadcast(native)
    assert native.get(f"/notifications/{notification}").json()["state"] != "completed"
    assert not _received(fakes, token)

    worker = site.serve("--role", "worker", name="worker")
    assert site.native(worker).get("/registrations").status == 404

    report = until(lambda: _completed(native, notification))
    assert report["counters"]["accepted"] == 1
    assert _received(fakes, token) == [token]
    later = _broadcast(native)
    assert until(lambda: _completed(native, later))["counters"]["accepted"] == 1
    api.stop()
    worker.stop()


def test_a_second_server_on_the_folder_is_refused_and_the_first_goes_on(
    make_site: MakeSite,
) -> None:
    site = make_site()
    first = site.serve()

    refused = run("serve", "--port", 0, *site.options)

    assert refused.sentence == (
        f"another Heliograph server is using {site.data}; stop it, or choose another --data"
    )
    assert site.native(first).get("/registrations").status == 200
    first.stop()
    site.serve().stop()


def test_a_signal_ends_it_while_clients_hold_their_connections(make_site: MakeSite) -> None:
    site = make_site()
    server = site.serve()
    idle, silent, slow = (site.native(server).connection() for _ in range(3))
    site.native(server).call("GET", "/registrations", connection=idle)
    silent.connect()
    slow.putrequest("POST", "/push_tokens")
    slow.putheader("content-length", "1000")
    slow.endheaders(b"{")

    server.stop()

    for connection in (idle, silent, slow):
        connection.close()


def test_a_hangup_reads_the_log_level_again_and_ends_nothing(make_site: MakeSite) -> None:
    site = make_site()
    server = site.serve()
    site.config_file.write_text('[logs]\nlevel = "error"\n')

    server.process.send_signal(signal.SIGHUP)

    assert site.native(server).get("/registrations").status == 200
    said = server.err
    server.stop()
    assert "server_started" in said
    assert "server_stopped" not in server.err


@pytest.mark.parametrize("text", ["[logs\n", '[logs]\nlevel = "loud"\n', None])
def test_a_hangup_with_settings_that_cannot_be_is_told_in_a_line(
    make_site: MakeSite, text: str | None
) -> None:
    site = make_site()
    server = site.serve()
    if text is None:
        site.config_file.unlink()
    else:
        site.config_file.write_text(text)

    server.process.send_signal(signal.SIGHUP)

    until(lambda: "settings_unreadable" in server.err)
    assert site.native(server).get("/registrations").status == 200
    server.stop()
    assert "Traceback" not in server.err


def _broadcast(native: Api) -> str:
    answer = native.post(
        "/notifications", {"audience": {"everyone": True}, "content": {"title": "To all"}}
    )
    assert answer.status == 202, answer.body
    return answer.json()["id"]


def _completed(native: Api, notification: str) -> dict[str, Any] | None:
    report = native.get(f"/notifications/{notification}").json()
    return report if report["state"] == "completed" else None


def _received(fakes: Fakes, prefix: str) -> list[str]:
    return [token for token in fakes.received() if token.startswith(prefix)]
