import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from tests.unit.simulators.tokens import SENDING_SCOPE, assertion, grant_form

from heliograph.simulators.certificates import ensure_rsa_key, private_pem
from heliograph.simulators.exchange import Request
from heliograph.simulators.fcm.oauth import TokenEndpoint


@pytest.fixture
def endpoint(credentials):
    return TokenEndpoint([credentials.fcm_account])


def call(endpoint, form, now, *, method=b"POST"):
    return endpoint.grant(Request(method, b"/token", {}, urlencode(form).encode()), now=now)


def refused(answer):
    return answer.status, json.loads(answer.body)["error"]


def test_an_assertion_is_traded_for_an_access_token(endpoint, credentials, now):
    answer = call(endpoint, grant_form(assertion(credentials, now)), now)

    reply = json.loads(answer.body)
    granted = endpoint.find(reply["access_token"].encode())
    assert (answer.status, reply["expires_in"], reply["token_type"]) == (200, 3599, "Bearer")
    assert granted.project_id == credentials.fcm_account.project_id
    assert granted.scopes == {SENDING_SCOPE}
    assert granted.expires_at == now + timedelta(seconds=3599)


def test_the_audience_may_be_googles_or_any(endpoint, credentials, now):
    signed = assertion(credentials, now, claims={"aud": "https://elsewhere.example/token"})

    assert call(endpoint, grant_form(signed), now).status == 200


def test_the_key_id_may_be_left_out(endpoint, credentials, now):
    signed = assertion(credentials, now, header={"kid": None})

    assert call(endpoint, grant_form(signed), now).status == 200


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"header": {"kid": "other"}}, "invalid_grant"),
        ({"claims": {"iss": "stranger@example.com"}}, "invalid_grant"),
        ({"claims": {"iss": None}}, "invalid_grant"),
        ({"claims": {"aud": None}}, "invalid_grant"),
        ({"claims": {"iat": None}}, "invalid_grant"),
        ({"claims": {"exp": "soon"}}, "invalid_grant"),
        ({"claims": {"scope": None}}, "invalid_scope"),
        ({"claims": {"scope": ""}}, "invalid_scope"),
    ],
)
def test_an_assertion_that_proves_nothing_is_refused(endpoint, credentials, now, change, error):
    signed = assertion(credentials, now, **change)

    assert refused(call(endpoint, grant_form(signed), now)) == (400, error)


@pytest.mark.parametrize(
    ("issued", "lifetime_s", "status"),
    [
        (timedelta(), 3600, 200),
        (timedelta(), 3601, 400),
        (timedelta(minutes=-64), 3600, 200),
        (timedelta(minutes=-66), 3600, 400),
        (timedelta(minutes=4), 3600, 200),
        (timedelta(minutes=6), 3600, 400),
    ],
)
def test_an_assertion_is_short_lived(credentials, now, issued, lifetime_s, status):
    issued_at = int((now + issued).timestamp())
    signed = assertion(credentials, now, claims={"iat": issued_at, "exp": issued_at + lifetime_s})

    answer = call(TokenEndpoint([credentials.fcm_account]), grant_form(signed), now)

    assert answer.status == status


def test_another_keys_assertion_is_refused(endpoint, credentials, now, tmp_path):
    other = private_pem(ensure_rsa_key(tmp_path / "other.pem"))

    answer = call(endpoint, grant_form(assertion(credentials, now, key=other)), now)

    assert refused(answer) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        (grant_form(""), "invalid_grant"),
        (grant_form("a.b.c"), "invalid_grant"),
        ({"grant_type": grant_form("")["grant_type"]}, "invalid_request"),
    ],
)
def test_a_wrong_form_is_refused(endpoint, now, form, error):
    assert refused(call(endpoint, form, now)) == (400, error)


def test_only_post_is_taken(endpoint, now):
    assert call(endpoint, {}, now, method=b"GET").status == 405


def test_tokens_not_issued_here_are_unknown(endpoint):
    assert endpoint.find(b"ya29.c.else") is None


def test_remembered_tokens_are_bounded_and_the_expired_leave_first(endpoint, credentials, now):
    form = grant_form(assertion(credentials, now))
    first = json.loads(call(endpoint, form, now).body)["access_token"].encode()
    granted = endpoint.find(first)
    for number in range(9_999):
        endpoint._issued[b"%d" % number] = granted._replace(expires_at=now)

    call(endpoint, form, now)

    assert len(endpoint._issued) == 2
    assert endpoint.find(first) == granted
