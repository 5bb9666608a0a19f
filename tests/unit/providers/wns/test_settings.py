from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contract.providers.pages import NOW

from heliograph.config import Wns
from heliograph.core.errors import InvalidRequest
from heliograph.core.model.application import FcmCredential, WnsCredential
from heliograph.core.model.registration import Environment
from heliograph.outbound.guard import Guard
from heliograph.providers.wns.settings import (
    ChannelCheck,
    check_secret,
    entra_token_url,
    store_token_url,
)

STORE = WnsCredential("ms-app://s-1-15-2-1000-2000-3000-4000-5000-6000-7000", "secret")
ENTRA = WnsCredential("0d2a5e5c-3f0b-4a4e-9c47-6a3c5b1f7e21", "secret", "contoso.onmicrosoft.com")


@pytest.mark.parametrize("secret", [STORE, ENTRA])
def test_either_identity_passes_and_keeps_its_secret(secret):
    check_secret(secret, Environment.PRODUCTION, now=NOW)

    assert "secret" not in repr(secret).replace("client_secret", "")


@pytest.mark.parametrize(
    ("secret", "wrong"),
    [
        (replace(STORE, client_id="s-1-15-2-1"), {"client_id"}),
        (replace(STORE, client_id=ENTRA.client_id), {"client_id"}),
        (replace(STORE, client_secret=""), {"client_secret"}),
        (replace(STORE, client_secret="a\nb"), {"client_secret"}),
        (replace(ENTRA, client_id=STORE.client_id), {"client_id"}),
        (replace(ENTRA, tenant="a/../b"), {"tenant"}),
        (WnsCredential("x", "", ""), {"client_id", "tenant", "client_secret"}),
        (FcmCredential("p", "e", "k", "key"), {"provider"}),
    ],
)
def test_what_wns_could_do_nothing_with_is_refused(secret, wrong):
    with pytest.raises(InvalidRequest) as refused:
        check_secret(secret, Environment.PRODUCTION, now=NOW)

    assert {problem.field for problem in refused.value.problems} == wrong


def test_wns_has_one_world():
    with pytest.raises(InvalidRequest) as refused:
        check_secret(STORE, Environment.SANDBOX, now=NOW)

    assert refused.value.problems[0].field == "environment"


@pytest.mark.parametrize(
    "uri",
    [
        "https://db5.notify.windows.com/?token=AwYAAAB8sG%2bXY%3d",
        "https://notify.windows.com/w/?token=x",
        "https://HK2.Notify.Windows.com/?token=x",
    ],
)
def test_channels_pass(uri):
    assert ChannelCheck(Guard())(uri, {}) == ()


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/?token=x",
        "https://xnotify.windows.com/?token=x",
        "https://notify.windows.com.evil.example/",
        "http://db5.notify.windows.com/?token=x",
        "https://db5.notify.windows.com:444/?token=x",
        "https://a@db5.notify.windows.com/",
        "https://db5.notify.windows.com\\@evil.example/",
        "https://127.0.0.1/?token=x",
        "channel",
    ],
)
def test_what_is_no_channel_is_named(uri):
    (problem,) = ChannelCheck(Guard())(uri, {})

    assert problem.field == "token"
    assert "notify.windows.com" in problem.expected


def test_token_endpoints_are_https_or_on_this_machine():
    assert store_token_url(Wns()) == "https://login.live.com/accesstoken.srf"
    assert entra_token_url(Wns(), "t") == "https://login.microsoftonline.com/t/oauth2/v2.0/token"
    assert store_token_url(Wns(store_token_url="http://127.0.0.1:1/x")) == "http://127.0.0.1:1/x"
    with pytest.raises(ValueError, match="store_token_url"):
        store_token_url(Wns(store_token_url="http://login.live.com/x"))
    with pytest.raises(ValueError, match="entra_url"):
        entra_token_url(Wns(entra_url="nowhere"), "t")
