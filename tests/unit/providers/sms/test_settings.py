from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contract.providers.pages import NOW

from heliograph.core.errors import InvalidRequest
from heliograph.core.model.application import (
    FcmCredential,
    GatewayParameter,
    SmppAccount,
    SmsGateway,
)
from heliograph.core.model.registration import Environment
from heliograph.outbound.guard import Guard
from heliograph.providers.sms.settings import (
    SecretCheck,
    check_number,
    gateway_url,
    is_sender,
)

GATEWAY = SmsGateway(
    "sms.example.com",
    13013,
    "cgi-bin/sendsms",
    "Acme",
    (GatewayParameter("username", "u"), GatewayParameter("text", "%3C{text}%3E", encode=False)),
)
ACCOUNT = SmppAccount("smpp.example.com", 2775, "acme", "secret08", sender="Acme")
CHECK = SecretCheck(Guard())


def wrong_of(secret, environment=Environment.PRODUCTION):
    with pytest.raises(InvalidRequest) as refused:
        CHECK(secret, environment, now=NOW)
    return {problem.field for problem in refused.value.problems}


@pytest.mark.parametrize(
    "secret",
    [
        GATEWAY,
        replace(GATEWAY, port=80),
        replace(GATEWAY, port=443),
        ACCOUNT,
        replace(ACCOUNT, sender="+4930123456", password=""),
        replace(ACCOUNT, vendor_statuses=((0x400, "gone"),)),
    ],
)
def test_what_could_work_passes(secret):
    CHECK(secret, Environment.PRODUCTION, now=NOW)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"host": "127.0.0.1"}, {"host"}),
        ({"host": "localhost"}, {"host"}),
        ({"host": "169.254.169.254"}, {"host"}),
        ({"host": "::ffff:10.0.0.1"}, {"host"}),
        ({"host": "a.example/x?"}, {"host"}),
        ({"host": ""}, {"host"}),
        ({"port": 25}, {"host"}),
        ({"port": 0}, {"port"}),
        ({"port": 70_000}, {"port"}),
        ({"program_name": "send?x=1"}, {"program_name"}),
        ({"program_name": "a b"}, {"program_name"}),
        ({"parameters": (GatewayParameter("", "x"),)}, {"parameters.0.name"}),
        ({"parameters": (GatewayParameter("a", "b c&d", encode=False),)}, {"parameters.0.value"}),
        ({"parameters": (GatewayParameter("method", "PUT"),)}, {"parameters.0.value"}),
        ({"parameters": (GatewayParameter("a", "b"),) * 65}, {"parameters"}),
    ],
)
def test_a_gateway_that_cant_be_is_refused_with_every_problem(change, wrong):
    assert wrong_of(replace(GATEWAY, **change)) == wrong


def test_an_account_that_cant_be_is_refused_with_every_problem():
    secret = SmppAccount(
        "10.0.0.1", 2775, "x" * 16, "x" * 9, "x" * 13, "Twelve chars", window=0,
        vendor_statuses=((0x58, "gone"), (0x400, "lost")),
    )  # fmt: skip

    assert wrong_of(secret) == {
        *("host", "system_id", "password", "system_type", "sender", "window"),
        *("vendor_statuses.0", "vendor_statuses.1"),
    }
    assert "secret08" not in repr(ACCOUNT)


def test_other_providers_and_other_worlds_are_refused():
    assert wrong_of(FcmCredential("p", "e", "k", "key")) == {"provider"}
    assert wrong_of(GATEWAY, Environment.SANDBOX) == {"environment"}


@pytest.mark.parametrize(
    ("change", "url"),
    [
        ({}, "http://sms.example.com:13013/cgi-bin/sendsms"),
        ({"program_name": "/a"}, "http://sms.example.com:13013/a"),
        ({"port": 443}, "https://sms.example.com:443/cgi-bin/sendsms"),
        (
            {"parameters": (GatewayParameter("httpsEnabled", "TRUE"),)},
            "https://sms.example.com:13013/cgi-bin/sendsms",
        ),
        ({"host": "2001:db8::1"}, "http://[2001:db8::1]:13013/cgi-bin/sendsms"),
    ],
)
def test_where_a_gateway_is(change, url):
    assert gateway_url(replace(GATEWAY, **change)) == url


@pytest.mark.parametrize("number", ["+4917012345", "+14155550123", "+" + "1" * 15])
def test_numbers_in_international_form_pass(number):
    assert check_number(number, {}) == ()


@pytest.mark.parametrize(
    "number",
    [
        "4917012345",
        "+0170123456",
        "+49 170 12345",
        "+49-170",
        "0049170123",
        "+" + "1" * 16,
        "a",
        "+٤٩١٧٠١٢٣٤٥",
    ],
)
def test_any_other_number_is_named(number):
    (problem,) = check_number(number, {})

    assert problem.field == "token"
    assert "E.164" in problem.expected


def test_a_message_comes_from_a_number_or_a_short_name():
    assert all(map(is_sender, ["+49301234", "12345", "Acme", "A&B 24/7", "x" * 11]))
    assert not any(map(is_sender, ["", "x" * 12, "+" + "1" * 16, "Ümlaut", "+", "!!!"]))
