"""firebase-admin, Google's own SDK, talks to our fake."""

import datetime as dt
import json
import warnings

import anyio.to_thread
import firebase_admin
import pytest
from firebase_admin import credentials, exceptions, messaging
from google.auth.exceptions import RefreshError

from heliograph.simulators import Simulators
from heliograph.simulators.faults import TOKEN_ENDPOINT, Fault

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

TOKEN = "device-1:APA91b"


@pytest.fixture
async def simulators(tmp_path):
    running = await Simulators.start(tmp_path)
    yield running
    await running.stop()


@pytest.fixture
def app(simulators, monkeypatch):
    """An app of the SDK that knows no other address than the fake's."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(simulators.ca_file))
    monkeypatch.setattr(
        messaging._MessagingService,
        "FCM_URL",
        simulators.fcm.url + "/v1/projects/{0}/messages:send",
    )
    certificate = credentials.Certificate(simulators.fcm_service_account)
    # The app's name keeps apps of different tests apart; the SDK's registry is global.
    made = firebase_admin.initialize_app(certificate, name=simulators.fcm.url)
    yield made
    service = made._services.get("_messaging")
    if service is not None:
        service._client.close()
    firebase_admin.delete_app(made)


@pytest.fixture
def send(app):
    async def send_one(**options):
        dry_run = options.pop("dry_run", False)
        with warnings.catch_warnings():
            # The SDK prefers `fid` to `token`, which every app in the field still has.
            warnings.simplefilter("ignore", DeprecationWarning)
            message = messaging.Message(**{"token": TOKEN, **options})
        return await anyio.to_thread.run_sync(
            lambda: messaging.send(message, dry_run=dry_run, app=app)
        )

    return send_one


async def test_a_message_arrives(simulators, send):
    name = await send(data={"score": "5"}, notification=messaging.Notification(title="t", body="b"))

    (received,) = simulators.inbox.received(TOKEN)
    project_id = simulators.fcm_service_account["project_id"]
    assert name.startswith(f"projects/{project_id}/messages/")
    assert received.payload == {
        "message": {
            "token": TOKEN,
            "data": {"score": "5"},
            "notification": {"title": "t", "body": "b"},
        }
    }
    assert "authorization" not in received.headers


async def test_platform_blocks_arrive(simulators, send):
    await send(
        data={"a": "b"},
        android=messaging.AndroidConfig(
            collapse_key="c",
            priority="high",
            ttl=dt.timedelta(seconds=10.5),
            restricted_package_name="com.example.demo",
            data={"c": "d"},
            fcm_options=messaging.AndroidFCMOptions("label"),
            notification=messaging.AndroidNotification(
                title="t",
                color="#aabbcc",
                body_loc_key="k",
                body_loc_args=["x"],
                priority="max",
                visibility="secret",
                event_timestamp=dt.datetime(2026, 5, 4, tzinfo=dt.UTC),
                vibrate_timings_millis=[100, 250],
                notification_count=3,
                light_settings=messaging.LightSettings("#112233", 100, 200),
            ),
        ),
        apns=messaging.APNSConfig(
            headers={"apns-priority": "10"},
            payload=messaging.APNSPayload(
                messaging.Aps(alert=messaging.ApsAlert(title="t"), badge=4), custom="x"
            ),
            fcm_options=messaging.APNSFCMOptions("label"),
        ),
        webpush=messaging.WebpushConfig(
            headers={"TTL": "5"},
            notification=messaging.WebpushNotification(title="t", actions=[]),
            fcm_options=messaging.WebpushFCMOptions("https://example.com/"),
        ),
        fcm_options=messaging.FCMOptions("label"),
    )

    message = simulators.inbox.received(TOKEN)[0].payload["message"]
    assert message["android"]["ttl"] == "10.500000000s"
    assert message["android"]["priority"] == "high"
    assert message["apns"]["payload"]["aps"]["badge"] == 4
    assert message["webpush"]["headers"] == {"TTL": "5"}


@pytest.mark.parametrize("target", ["topic", "condition", "fid"])
async def test_other_targets_arrive(simulators, app, target):
    value = "'a' in topics" if target == "condition" else "news"
    message = messaging.Message(**{target: value})

    await anyio.to_thread.run_sync(lambda: messaging.send(message, app=app))

    assert simulators.inbox.received()[0].payload == {"message": {target: value}}


async def test_a_dry_run_delivers_nothing(simulators, send):
    name = await send(dry_run=True)

    assert name.endswith("/fake_message_id")
    assert simulators.inbox.received() == []


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, "UNREGISTERED", messaging.UnregisteredError),
        (403, "SENDER_ID_MISMATCH", messaging.SenderIdMismatchError),
        (429, "QUOTA_EXCEEDED", messaging.QuotaExceededError),
        (401, "THIRD_PARTY_AUTH_ERROR", messaging.ThirdPartyAuthError),
        (400, "INVALID_ARGUMENT", exceptions.InvalidArgumentError),
        (403, "PERMISSION_DENIED", exceptions.PermissionDeniedError),
        (404, "NOT_FOUND", exceptions.NotFoundError),
    ],
)
async def test_a_scripted_error_becomes_the_sdks_exception(simulators, send, status, code, error):
    # More than once: after a 401 the SDK renews its access token and tries again.
    simulators.faults.add(Fault(TOKEN, status, code, times=9))

    with pytest.raises(error) as caught:
        await send()

    assert type(caught.value) is error
    assert simulators.inbox.received() == []


@pytest.mark.parametrize("token", ["no token!", "a/b"])
async def test_a_malformed_token_is_an_invalid_argument(send, token):
    with pytest.raises(exceptions.InvalidArgumentError, match="not a valid FCM registration token"):
        await send(token=token)


async def test_an_oversized_message_is_an_invalid_argument(send):
    with pytest.raises(exceptions.InvalidArgumentError, match="too big"):
        await send(data={"a": "x" * 4096})


async def test_an_access_token_is_asked_for_once(simulators, send):
    await send()
    simulators.faults.add(Fault(TOKEN_ENDPOINT, 403, "access_denied", times=9))

    await send()

    assert len(simulators.inbox.received()) == 2


async def test_a_refused_grant_fails_the_message(simulators, send):
    simulators.faults.add(Fault(TOKEN_ENDPOINT, 400, "invalid_grant"))

    with pytest.raises(RefreshError, match="invalid_grant"):
        await send()


async def test_the_error_body_is_googles(simulators, send):
    simulators.faults.add(Fault(TOKEN, 404, "UNREGISTERED"))

    with pytest.raises(messaging.UnregisteredError) as caught:
        await send()

    error = json.loads(caught.value.http_response.content)["error"]
    assert (error["code"], error["status"]) == (404, "NOT_FOUND")


@pytest.fixture
def topics(app, simulators, monkeypatch):
    """The SDK's calls about topics, at the fake's address."""
    monkeypatch.setattr(messaging._MessagingService, "IID_URL", simulators.fcm.url)
    service = messaging._get_messaging_service(app)
    service._fcm_topic_url = service._fcm_topic_url.replace(
        "https://fcm.googleapis.com", simulators.fcm.url
    )

    async def change(call, *given):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return await anyio.to_thread.run_sync(lambda: call(*given, app=app))

    return change


WAYS = {
    "registrations": (messaging.subscribe_to_topic, messaging.unsubscribe_from_topic),
    "instance_id": (
        messaging.subscribe_to_topic_legacy,
        messaging.unsubscribe_from_topic_legacy,
    ),
}


@pytest.mark.parametrize("way", WAYS)
async def test_devices_join_and_leave_topics(simulators, topics, way):
    subscribe, unsubscribe = WAYS[way]
    tokens = ["device-1:a", "device-2:b"]

    joined = await topics(subscribe, tokens, "/topics/news")
    again = await topics(subscribe, tokens, "news")
    left = await topics(unsubscribe, tokens[:1], "news")

    assert [each.success_count for each in (joined, again, left)] == [2, 2, 1]
    assert [simulators.fcm_topics.topics_of(token) for token in tokens] == [[], ["news"]]


@pytest.mark.parametrize("way", WAYS)
async def test_one_device_may_fail_alone(topics, way):
    subscribe, _ = WAYS[way]

    answer = await topics(subscribe, ["device-1:a", "no token!"], "news")

    assert (answer.success_count, answer.failure_count) == (1, 1)
    (error,) = answer.errors
    assert (error.index, error.reason) == (1, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "condition",
    ["'a' in topics && ('b' in topics || !('c' in topics))", "!('a' in topics)"],
)
async def test_a_condition_of_several_topics_arrives(simulators, app, condition):
    message = messaging.Message(condition=condition, data={"a": "b"})

    await anyio.to_thread.run_sync(lambda: messaging.send(message, app=app))

    (received,) = simulators.inbox.received(condition)
    assert received.payload["message"]["condition"] == condition


@pytest.mark.parametrize("condition", ["news", " && ".join(["'a' in topics"] * 6)])
async def test_a_condition_that_cant_be_is_an_invalid_argument(app, condition):
    message = messaging.Message(condition=condition)

    with pytest.raises(exceptions.InvalidArgumentError, match="Invalid condition"):
        await anyio.to_thread.run_sync(lambda: messaging.send(message, app=app))


async def test_a_dry_run_to_a_topic_is_checked_and_delivers_nothing(simulators, app):
    good, bad = messaging.Message(topic="news"), messaging.Message(topic="news", data={"from": "x"})

    name = await anyio.to_thread.run_sync(lambda: messaging.send(good, dry_run=True, app=app))
    with pytest.raises(exceptions.InvalidArgumentError):
        await anyio.to_thread.run_sync(lambda: messaging.send(bad, dry_run=True, app=app))

    assert name.endswith("/fake_message_id")
    assert simulators.inbox.received() == []
