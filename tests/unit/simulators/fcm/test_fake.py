import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from tests.unit.simulators.tokens import assertion, grant_form

from heliograph.simulators.credentials import DEMO_PROJECT_ID, DEMO_PROJECT_NUMBER
from heliograph.simulators.exchange import Drop, Farewell, Request, Reset, Silence
from heliograph.simulators.faults import TOKEN_ENDPOINT, Action, Fault, FaultBook
from heliograph.simulators.fcm.errors import FCM_CODES, FCM_ERROR
from heliograph.simulators.fcm.fake import FcmFake
from heliograph.simulators.fcm.oauth import TokenEndpoint
from heliograph.simulators.inbox import Inbox

TOKEN = "device-1"
PATH = f"/v1/projects/{DEMO_PROJECT_ID}/messages:send".encode()


class Bench:
    def __init__(self, credentials, now):
        self.credentials = credentials
        self.now = now
        self.inbox = Inbox()
        self.faults = FaultBook()
        self.fake = FcmFake(
            project_id=DEMO_PROJECT_ID,
            project_number=DEMO_PROJECT_NUMBER,
            oauth=TokenEndpoint([credentials.fcm_account]),
            inbox=self.inbox,
            faults=self.faults,
            now=lambda: self.now,
        )
        self.session = self.fake.open_session()

    def grant(self, **change):
        form = urlencode(grant_form(assertion(self.credentials, self.now, **change))).encode()
        return self.session.react(Request(b"POST", b"/token", {}, form))

    def bearer(self, **change):
        return b"Bearer " + json.loads(self.grant(**change).body)["access_token"].encode()

    def send(self, *, authorization=None, path=PATH, method=b"POST", message=None, **others):
        headers = {b"authorization": authorization or self.bearer()}
        body = {"message": message or {"token": TOKEN, "data": {"a": "b"}}, **others}
        return self.session.react(Request(method, path, headers, json.dumps(body).encode()))


@pytest.fixture
def bench(credentials, now):
    return Bench(credentials, now)


def error_of(answer):
    return json.loads(answer.body)["error"]


def test_a_good_message_is_answered_and_kept(bench):
    answer = bench.send()

    (push,) = bench.inbox.received(TOKEN)
    assert answer.status == 200
    assert json.loads(answer.body)["name"].startswith(f"projects/{DEMO_PROJECT_ID}/messages/")
    assert (push.provider, push.payload) == (
        "fcm",
        {"message": {"token": TOKEN, "data": {"a": "b"}}},
    )


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/projects/{DEMO_PROJECT_NUMBER}/messages:send",
        f"/v1/projects/{DEMO_PROJECT_ID}/messages%3Asend",
        f"/v1/projects/{DEMO_PROJECT_ID}/messages:send?alt=json",
    ],
)
def test_a_project_has_several_addresses(bench, path):
    assert bench.send(path=path.encode()).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (b"GET", PATH),
        (b"POST", b"/"),
        (b"POST", b"/v1/projects//messages:send"),
        (b"POST", b"/v1/projects/a/b/messages:send"),
        (b"POST", b"/fcm/send"),
    ],
)
def test_other_addresses_are_a_page_not_json(bench, method, path):
    answer = bench.send(method=method, path=path)

    assert answer.status == 404
    assert answer.fields == ((b"content-type", b"text/html; charset=UTF-8"),)


@pytest.mark.parametrize("authorization", [b"Basic x", b"Bearer ", b"Bearer unknown"])
def test_a_caller_without_a_good_token_is_unauthenticated(bench, authorization):
    answer = bench.send(authorization=authorization)

    assert (answer.status, error_of(answer)["status"]) == (401, "UNAUTHENTICATED")
    assert FCM_ERROR not in answer.body.decode()
    assert bench.inbox.received() == []


def test_an_access_token_expires(bench):
    bearer = bench.bearer()
    bench.now += timedelta(seconds=3599)

    answer = bench.send(authorization=bearer)

    assert answer.status == 401
    assert error_of(answer)["details"][0]["reason"] == "ACCESS_TOKEN_EXPIRED"


def test_the_scope_must_allow_sending(bench):
    other = bench.bearer(claims={"scope": "https://www.googleapis.com/auth/drive"})

    answer = bench.send(authorization=other)

    assert (answer.status, error_of(answer)["status"]) == (403, "PERMISSION_DENIED")


def test_another_project_is_denied(bench):
    answer = bench.send(path=b"/v1/projects/other/messages:send")

    assert (answer.status, error_of(answer)["status"]) == (403, "PERMISSION_DENIED")


def test_the_caller_is_checked_before_the_message(bench):
    assert bench.send(authorization=b"Bearer x", message={"nonsense": 1}).status == 401


def test_a_wrong_message_is_refused(bench):
    answer = bench.send(message={"token": TOKEN, "nonsense": 1})

    assert (answer.status, error_of(answer)["status"]) == (400, "INVALID_ARGUMENT")


def test_a_rehearsal_is_not_kept(bench):
    answer = bench.send(validate_only=True)

    assert json.loads(answer.body)["name"].endswith("/fake_message_id")
    assert bench.inbox.received() == []


@pytest.mark.parametrize(
    ("status", "code", "canonical"),
    [
        (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
        (401, "THIRD_PARTY_AUTH_ERROR", "UNAUTHENTICATED"),
        (401, "APNS_AUTH_ERROR", "UNAUTHENTICATED"),
        (403, "SENDER_ID_MISMATCH", "PERMISSION_DENIED"),
        (404, "UNREGISTERED", "NOT_FOUND"),
        (429, "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL", "INTERNAL"),
        (503, "UNAVAILABLE", "UNAVAILABLE"),
        (500, "UNSPECIFIED_ERROR", "INTERNAL"),
    ],
)
def test_every_fcm_code_can_be_scripted(bench, status, code, canonical):
    bench.faults.add(Fault(TOKEN, status, code))

    error = error_of(bench.send())

    assert (error["code"], error["status"]) == (status, canonical)
    assert error["details"] == [{"@type": FCM_ERROR, "errorCode": code}]
    assert error["message"] == FCM_CODES[code]
    assert bench.inbox.received() == []


@pytest.mark.parametrize(
    ("status", "reason", "canonical"),
    [
        (400, "FAILED_PRECONDITION", "FAILED_PRECONDITION"),
        (401, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED", "PERMISSION_DENIED"),
        (404, "NOT_FOUND", "NOT_FOUND"),
        (429, "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"),
        (404, None, "NOT_FOUND"),
        (418, None, "UNKNOWN"),
    ],
)
def test_the_outer_layers_errors_carry_no_fcm_code(bench, status, reason, canonical):
    bench.faults.add(Fault(TOKEN, status, reason))

    error = error_of(bench.send())

    assert (error["code"], error["status"]) == (status, canonical)
    assert "details" not in error


@pytest.mark.parametrize("status", [413, 502, 504])
def test_the_front_end_answers_with_a_page(bench, status):
    bench.faults.add(Fault(TOKEN, status))

    answer = bench.send()

    assert answer.status == status
    assert answer.body.startswith(b"<!DOCTYPE html>")


def test_a_fault_may_blame_a_field(bench):
    bench.faults.add(Fault(TOKEN, 400, "INVALID_ARGUMENT", field="message.token"))

    details = error_of(bench.send())["details"]

    assert details[1]["fieldViolations"][0]["field"] == "message.token"


def test_a_fault_may_say_when_to_come_back(bench):
    bench.faults.add(Fault(TOKEN, 429, "QUOTA_EXCEEDED", retry_after=9, delay_ms=5))

    answer = bench.send()

    assert (b"retry-after", b"9") in answer.fields
    assert answer.delay_ms == 5


def test_a_fault_with_200_is_slow_but_takes_the_message(bench):
    bench.faults.add(Fault(TOKEN, 200, delay_ms=5))

    answer = bench.send()

    assert (answer.status, answer.delay_ms) == (200, 5)
    assert len(bench.inbox.received()) == 1


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (Action.GOAWAY, Farewell),
        (Action.RST, Reset),
        (Action.HANG, Silence),
        (Action.CLOSE, Drop),
    ],
)
def test_a_connection_can_misbehave(bench, action, kind):
    bench.faults.add(Fault(TOKEN, action=action))

    assert isinstance(bench.send(), kind)
    assert bench.inbox.received() == []


def test_topics_are_kept_under_their_name(bench):
    bench.send(message={"topic": "news"})

    assert [push.token for push in bench.inbox.received()] == ["/topics/news"]


def test_the_token_endpoint_can_be_scripted(bench):
    bench.faults.add(Fault(TOKEN_ENDPOINT, 403, "access_denied", retry_after=3))

    answer = bench.grant()

    assert (answer.status, json.loads(answer.body)["error"]) == (403, "access_denied")
    assert (b"retry-after", b"3") in answer.fields
    assert bench.grant().status == 200


def test_the_token_endpoint_can_be_slow_or_silent(bench):
    bench.faults.add(Fault(TOKEN_ENDPOINT, 200, delay_ms=5))
    bench.faults.add(Fault(TOKEN_ENDPOINT, action=Action.HANG))
    bench.faults.add(Fault(TOKEN_ENDPOINT, 503))

    assert bench.grant().delay_ms == 5
    assert bench.grant() == Silence()
    assert bench.grant().status == 503
