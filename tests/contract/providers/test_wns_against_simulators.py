"""The WNS provider against the fake of WNS, over real sockets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from tests.contract.providers.pages import NOW, batch_of, target

from heliograph.config import Wns
from heliograph.core.ids import new_id
from heliograph.core.model.application import FcmCredential, ProviderCredential, WnsCredential
from heliograph.core.model.audience import AddressForm
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.outbound.guard import Guard
from heliograph.providers.wns import WnsProvider
from heliograph.simulators.faults import WNS_TOKEN_ENDPOINT, Action, Fault

pytestmark = pytest.mark.anyio

OWN = Guard(["127.0.0.0/8"])


@pytest.fixture
async def wns(fakes, clock):
    settings = Wns(
        store_token_url=fakes.wns.url + "/accesstoken.srf",
        entra_url=fakes.wns.url,
        ca_file=fakes.ca_file,
    )
    provider = WnsProvider(settings, OWN, clock, request_timeout_s=10)
    yield provider
    await provider.close()


def credential_of(secret):
    return ProviderCredential(
        new_id(NOW), new_id(NOW), ProviderName.WNS, Environment.PRODUCTION, secret
    )


@pytest.fixture
def store(fakes):
    app = fakes.wns_app
    return credential_of(WnsCredential(app.package_sid, app.client_secret))


@pytest.fixture
def entra(fakes):
    app = fakes.wns_app
    return credential_of(WnsCredential(app.app_id, app.client_secret, app.tenant))


@pytest.fixture
def channels(fakes):
    def make(*tokens):
        return [target(fakes.wns_channel(token)) for token in tokens]

    return make


def saying(**overrides):
    return Content(title="Hi", badge=3, overrides={ProviderName.WNS: overrides})


@pytest.mark.parametrize("identity", ["store", "entra"])
async def test_a_page_arrives_by_either_identity(fakes, wns, channels, request, identity):
    credential = request.getfixturevalue(identity)
    tokens = [f"channel {number}+/%" for number in range(300)]

    outcomes = await wns.send(batch_of(credential, *channels(*tokens)), now=NOW)

    assert len({outcome.provider_message_id for outcome in outcomes}) == 300
    assert {push.token for push in fakes.inbox.received()} == set(tokens)
    assert fakes.wns_fake.endpoints.grants == 1


async def test_a_toast_says_what_was_meant_however_it_looks(fakes, wns, store, channels):
    title = 'A </text><actions> & "toast"'
    content = Content(title=title, body="x\x00\ud800<", data={"n": 1}, sound="ms-winsoundevent:a")
    batch = batch_of(store, *channels("c"), content=content, options=Options(ttl_s=60))

    await wns.send(batch, now=NOW)

    (push,) = fakes.inbox.received("c")
    toast = ET.fromstring(push.body)
    assert [text.text for text in toast.iter("text")] == [title, "x<"]
    assert toast.get("launch") == '{"n":1}'
    assert toast.find("audio").get("src") == "ms-winsoundevent:a"
    assert toast.find("actions") is None
    assert push.headers["x-wns-type"] == "wns/toast"
    assert push.headers["x-wns-ttl"] == "60"
    assert "authorization" not in push.headers


@pytest.mark.parametrize(
    ("overrides", "kind", "body"),
    [
        ({"badge": "newMessage"}, "badge", b'<badge value="newMessage" />'),
        ({"type": "badge"}, "badge", b'<badge value="3" />'),
        ({"raw": {"a": [1]}}, "raw", b'{"a":[1]}'),
        ({"raw_base64": "AAEC"}, "raw", b"\x00\x01\x02"),
        ({"type": "tile"}, "tile", b'template="TileWide"'),
        ({"xml": "<toast launch='x'/>"}, "toast", b"<toast launch='x'/>"),
        (
            {"tile": {"visual": {"binding": [{"template": "T", "text": [{"content": "<"}]}]}}},
            "tile",
            b'<text id="1">&lt;</text>',
        ),
    ],
)
async def test_every_kind_is_taken(fakes, wns, store, channels, overrides, kind, body):
    batch = batch_of(store, *channels("c"), content=saying(**overrides))

    (outcome,) = await wns.send(batch, now=NOW)

    assert isinstance(outcome, Accepted)
    (push,) = fakes.inbox.received("c")
    assert push.headers["x-wns-type"] == f"wns/{kind}"
    assert body in push.body


async def test_wns_answers_become_outcomes_in_order(fakes, wns, store, channels):
    minute = timedelta(minutes=1)
    scripted = {
        "t01": (Fault("t01", 200, "dropped"), Rejected("HTTP 200; dropped; device connected")),
        "t02": (
            Fault("t02", 200, "channelthrottled"),
            Deferred("HTTP 200; channelthrottled; device connected", 10 * minute),
        ),
        "t03": (
            Fault("t03", 200, "appthrottled"),
            Deferred("HTTP 200; appthrottled; device connected", 15 * minute, is_ours=True),
        ),
        "t04": (Fault("t04", 400, "bad"), Rejected("HTTP 400; dropped; bad")),
        "t05": (Fault("t05", 401, "stale"), RefreshCredential("HTTP 401; dropped; stale")),
        "t06": (
            Fault("t06", 403, "other app"),
            TokenGone("HTTP 403; dropped; other app", is_ambiguous=True),
        ),
        "t07": (Fault("t07", 404, "no such"), TokenGone("HTTP 404; dropped; no such")),
        "t08": (Fault("t08", 405, "POST"), Rejected("HTTP 405; dropped; POST")),
        "t09": (
            Fault("t09", 406, "channelthrottled"),
            Deferred("HTTP 406; channelthrottled", 15 * minute),
        ),
        "t10": (
            Fault("t10", 406, "appthrottled", retry_after=7),
            Deferred("HTTP 406; appthrottled", timedelta(seconds=7), is_ours=True),
        ),
        "t11": (Fault("t11", 410, "expired"), TokenGone("HTTP 410; dropped; expired")),
        "t12": (
            Fault("t12", 410, "The domain is blocked"),
            Misconfigured("HTTP 410; dropped; The domain is blocked"),
        ),
        "t13": (Fault("t13", 412, "away"), Deferred("HTTP 412; dropped; away", 60 * minute)),
        "t14": (Fault("t14", 413, "long"), Rejected("HTTP 413; dropped; long")),
        "t15": (
            Fault("t15", 429, "slow"),
            Deferred("HTTP 429; dropped; slow", minute / 6, is_ours=True),
        ),
        "t16": (Fault("t16", 500, "oh"), Deferred("HTTP 500; dropped; oh", minute / 6)),
        "t17": (
            Fault("t17", 503, "no", retry_after=40),
            Deferred("HTTP 503; dropped; no", timedelta(seconds=40)),
        ),
        "t18": (Fault("t18", 418, "tea"), Rejected("HTTP 418; dropped; tea")),
        "t19": (Fault("t19", 302, "there"), Deferred("HTTP 302; there", minute / 6)),
        "t20": (Fault("t20", action=Action.CLOSE), Deferred("ServerDisconnectedError")),
    }
    for fault, _ in scripted.values():
        fakes.faults.add(fault)

    outcomes = await wns.send(batch_of(store, *channels("good", *scripted)), now=NOW)

    assert isinstance(outcomes[0], Accepted)
    assert dict(zip(scripted, outcomes[1:], strict=True)) == {
        token: outcome for token, (_, outcome) in scripted.items()
    }


async def test_a_foreign_channel_is_our_fault_until_wns_has_taken_something(
    fakes, wns, store, channels
):
    for _ in range(2):
        fakes.faults.add(Fault("t", 403, "other app"))

    first = await wns.send(batch_of(store, *channels("t")), now=NOW)
    await wns.send(batch_of(store, *channels("good")), now=NOW)
    later = await wns.send(batch_of(store, *channels("t")), now=NOW)

    assert first == [Misconfigured("HTTP 403; dropped; other app")]
    assert later == [TokenGone("HTTP 403; dropped; other app", is_ambiguous=True)]


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example.com/?token=x",
        "https://notify.windows.com.evil.example/?token=x",
        "https://evilnotify.windows.com/?token=x",
        "http://db5.notify.windows.com/?token=x",
        "https://db5.notify.windows.com:8443/?token=x",
        "https://user@db5.notify.windows.com/?token=x",
        "https://169.254.169.254/?token=x",
        "db5.notify.windows.com/?token=x",
        "[",
        "",
    ],
)
async def test_no_secret_goes_where_no_channel_is(fakes, wns, store, uri):
    batch = batch_of(store, target(uri))

    (outcome,) = await wns.send(batch, now=NOW)
    (preview,) = wns.preview(batch)

    assert isinstance(outcome, Rejected)
    assert outcome.reason == preview.problem
    assert outcome.reason.startswith("not a channel URI")
    assert fakes.wns_fake.endpoints.grants == 0


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (
            Fault(WNS_TOKEN_ENDPOINT, 401, "invalid_client"),
            Misconfigured("token endpoint: invalid_client: This is scripted."),
        ),
        (
            Fault(WNS_TOKEN_ENDPOINT, 400, "unauthorized_client"),
            Misconfigured("token endpoint: unauthorized_client: This is scripted."),
        ),
        (
            Fault(WNS_TOKEN_ENDPOINT, 429, "slow", retry_after=4),
            Deferred("token endpoint: slow", timedelta(seconds=4), is_ours=True),
        ),
        (Fault(WNS_TOKEN_ENDPOINT, 503, "down"), Deferred("token endpoint: down")),
    ],
)
async def test_the_token_endpoints_trouble_is_every_targets(
    fakes, wns, store, channels, fault, outcome
):
    fakes.faults.add(fault)
    batch = batch_of(store, *channels("a", "b"))

    refused = await wns.send(batch, now=NOW)
    again = await wns.send(batch, now=NOW)

    assert refused == [outcome] * 2
    assert {type(each) for each in again} == {Accepted}


async def test_a_wrong_secret_is_ours_to_fix(wns, store, channels):
    wrong = replace(store, secret=replace(store.secret, client_secret="wrong"))

    outcomes = await wns.send(batch_of(wrong, *channels("t")), now=NOW)

    assert outcomes == [
        Misconfigured("token endpoint: invalid_client: The client secret is wrong.")
    ]


async def test_pages_share_one_token_until_shortly_before_its_end(
    fakes, wns, entra, channels, clock
):
    pages = [batch_of(entra, *channels(f"t{number}")) for number in range(5)]

    await asyncio.gather(*(wns.send(page, now=NOW) for page in pages))
    clock.advance(timedelta(minutes=50))
    await wns.send(pages[0], now=clock.now())
    shared = fakes.wns_fake.endpoints.grants
    clock.advance(timedelta(minutes=6))
    await wns.send(pages[0], now=clock.now())

    assert shared == 1
    assert fakes.wns_fake.endpoints.grants == 2


async def test_a_refused_token_is_replaced_unless_it_is_new(fakes, wns, store, channels, clock):
    await wns.send(batch_of(store, *channels("t")), now=NOW)
    await wns.refresh(store)
    await wns.send(batch_of(store, *channels("t")), now=NOW)
    kept = fakes.wns_fake.endpoints.grants

    clock.advance(timedelta(minutes=2))
    await wns.refresh(store)
    await wns.send(batch_of(store, *channels("t")), now=clock.now())

    assert kept == 1
    assert fakes.wns_fake.endpoints.grants == 2


async def test_what_the_preview_says_is_what_wns_gets(fakes, wns, store, channels):
    batch = batch_of(store, *channels("a b"))

    (preview,) = wns.preview(batch)
    await wns.send(batch, now=NOW)

    (push,) = fakes.inbox.received("a b")
    assert preview.body == push.body
    assert preview.problem is None
    assert f"https://{preview.host}{preview.path}" == batch.targets[0].token
    assert dict(preview.headers)["authorization"] == "…"
    assert dict(preview.headers).items() - push.headers.items() == {("authorization", "…")}


async def test_what_wns_would_never_take_is_not_sent(fakes, wns, store, channels):
    contents = {
        "5001": Content(data={"a": "x" * 5001}),
        "nothing": Content(sound="s"),
        "is not one of": saying(color="red"),
        "well-formed": saying(xml="<toast>"),
    }

    outcomes = [
        (await wns.send(batch_of(store, *channels("t"), content=content), now=NOW))[0]
        for content in contents.values()
    ]
    group = channels("t")[0]._replace(form=AddressForm.TOPIC)
    (to_group,) = await wns.send(batch_of(store, group), now=NOW)

    assert all(isinstance(outcome, Rejected) for outcome in [*outcomes, to_group])
    assert all(
        word in outcome.reason or word == "5001"
        for word, outcome in zip(contents, outcomes, strict=True)
    )
    assert fakes.inbox.total == 0


async def test_another_providers_credential_is_ours_to_fix(wns, channels, store):
    foreign = replace(store, secret=FcmCredential("p", "e@x", "k", "key"))
    batch = batch_of(foreign, *channels("t"))

    assert await wns.send(batch, now=NOW) == [Misconfigured("not a WNS credential")]
    assert wns.preview(batch)[0].problem == "not a WNS credential"


async def test_a_closed_provider_sends_nothing(fakes, wns, store, channels):
    await wns.close()

    outcomes = await wns.send(batch_of(store, *channels("t")), now=NOW)

    assert outcomes == [Deferred("the server is stopping", timedelta(0))]
    assert fakes.inbox.total == 0
