"""A provider whose host nobody knows: a breaker says why, nothing is stuck, and it goes on."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.processes import until

from heliograph.core.model.application import ApnsCredential
from heliograph.providers.fcm.settings import credential_from_service_account

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.http_client import Api
    from tests.system.site import Fakes, Site

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("anyio_backend")]

PHONES = 30
HASTY = "[delivery]\npoll_s = 0.1\nsweep_s = 0.1\nrequest_timeout_s = 5\n"
NOWHERE = (
    HASTY + '[apns]\nproduction_url = "https://apns.invalid:443"\n'
    '[fcm]\nurl = "https://fcm.invalid:443"\n'
)


@pytest.fixture
def site(make_site: Callable[..., Site], fakes: Fakes) -> Site:
    apple = fakes.simulators.apns_credential
    return make_site(toml=NOWHERE, secrets=[ApnsCredential(apple.key_id, apple.team_id, apple.p8)])


def register(native: Api, provider: str) -> None:
    for _ in range(PHONES):
        body = {"provider": provider, "token": secrets.token_hex(32)}
        assert native.post("/registrations", body).status == 201


def send(native: Api) -> str:
    body = {"audience": {"everyone": True}, "content": {"body": "hello"}}
    answer = native.post("/notifications", body)
    assert answer.status == 202, answer.body
    return str(answer.json()["id"])


def breakers(native: Api) -> dict[str, dict[str, Any]]:
    found = native.get("/breakers").json()["items"]
    return {each["provider"]: each for each in found if each["state"] == "open"}


def test_what_a_breaker_holds_is_delivered_once_the_host_is_there(site: Site, fakes: Fakes) -> None:
    server = site.serve()
    native = site.native(server)
    register(native, "apns")
    notification = send(native)

    opened = until(lambda: breakers(native)).pop("apns")
    state = native.get(f"/notifications/{notification}").json()["state"]
    server.stop()
    site.config_file.write_text(HASTY + fakes.settings())
    again = site.native(site.serve(name="again"))

    assert opened["cause"] == "outage"
    assert opened["reason"].startswith("cannot connect: gaierror")
    assert state == "running"
    until(lambda: again.get(f"/notifications/{notification}").json()["state"] == "completed")
    report = again.get(f"/notifications/{notification}").json()
    assert report["counters"]["accepted"] == PHONES


def test_what_is_held_up_can_be_canceled(site: Site) -> None:
    native = site.native(site.serve())
    register(native, "apns")
    notification = send(native)
    until(lambda: breakers(native))

    canceled = native.post(f"/notifications/{notification}/cancel", None)

    assert canceled.status == 200
    until(lambda: native.get(f"/notifications/{notification}").json()["counters"]["deferred"] == 0)
    report = native.get(f"/notifications/{notification}").json()
    assert report["state"] == "canceled"


def test_a_token_endpoint_that_nobody_knows_is_an_outage_too(
    make_site: Callable[..., Site], fakes: Fakes
) -> None:
    account = {
        **fakes.simulators.fcm_service_account,
        "token_uri": "https://oauth2.invalid/token",
    }
    secret = credential_from_service_account(json.dumps(account))
    site = make_site(toml=NOWHERE, secrets=[secret])
    native = site.native(site.serve())
    register(native, "fcm")

    send(native)

    opened = until(lambda: breakers(native))["fcm"]
    assert opened["cause"] == "outage"
    assert opened["reason"].startswith("token endpoint: cannot connect")
