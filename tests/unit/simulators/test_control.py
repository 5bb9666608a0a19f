import json
from datetime import UTC, datetime

import aiohttp
import pytest

from heliograph.core.errors import InvalidRequest
from heliograph.simulators import Simulators
from heliograph.simulators.control import Control, inbox_json, play_script, script_fault
from heliograph.simulators.faults import Fault, FaultBook, Listener, Tally
from heliograph.simulators.inbox import Inbox, ReceivedPush
from heliograph.simulators.listener import HTTP_1_1, RunningFake

RULE = {"nth": 1, "status": 500}


def push(token):
    return ReceivedPush("apns", token, {}, b"{}", datetime(2026, 5, 4, tzinfo=UTC))


def test_the_inbox_is_listed_for_one_token_or_all():
    inbox = Inbox()
    for token in ("aa", "bb"):
        inbox.add(push(token))

    assert [push["token"] for push in inbox_json(inbox, None)] == ["aa", "bb"]
    assert [push["token"] for push in inbox_json(inbox, "bb")] == ["bb"]


def test_a_scripted_fault_is_said_back_with_its_defaults():
    faults = FaultBook()

    said = script_fault(faults, {"token": "aa", "status": 410, "reason": "Unregistered"})

    assert said == {
        "token": "aa",
        "status": 410,
        "reason": "Unregistered",
        "times": 1,
        "delay_ms": 0,
        "action": "reply",
    }
    assert faults.take("aa") == Fault("aa", 410, "Unregistered")


def test_a_wrong_fault_is_refused_and_not_added():
    faults = FaultBook()

    with pytest.raises(InvalidRequest):
        script_fault(faults, {"token": "aa", "status": 9})

    assert faults.take("aa") is None


def test_a_wrong_script_leaves_the_former_one():
    faults = FaultBook()
    play_script(faults, {"rules": [RULE]})

    with pytest.raises(InvalidRequest):
        play_script(faults, {"rules": [{"nth": 2}]})

    assert faults.take("aa", Tally(Listener.APNS)) == Fault("*", 500)


@pytest.fixture
async def simulators(tmp_path):
    running = await Simulators.start(tmp_path)
    yield running
    await running.stop()


@pytest.fixture
async def ask(simulators):
    """Call the controls where they have a listener of their own."""
    control = RunningFake(Control(simulators), [HTTP_1_1])
    await control.start("127.0.0.1", 0, None)
    async with aiohttp.ClientSession(control.url) as session:

        async def call(method, path, body=None):
            content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            async with session.request(method, path, data=content) as answer:
                return answer.status, await answer.text()

        yield call
    await control.stop()


@pytest.mark.anyio
async def test_the_log_is_read_counted_and_cleared_over_http(simulators, ask):
    simulators.log.add("apns", 200, b"id", "aa")
    simulators.inbox.add(push("aa"))

    seen = [await ask("GET", f"/simulators/{name}") for name in ("log", "counts", "inbox?token=aa")]
    cleared = await ask("DELETE", "/simulators/log")

    assert seen[0] == (200, "apns 200 id aa\n")
    assert json.loads(seen[1][1])["pushes"] == {"apns": {"200": 1}}
    assert json.loads(seen[2][1])[0]["token"] == "aa"
    assert cleared == (204, "")
    assert (await ask("GET", "/simulators/log"))[1] == ""
    assert simulators.inbox.received() == []


@pytest.mark.anyio
async def test_faults_and_scripts_are_given_over_http(simulators, ask):
    played = await ask("PUT", "/simulators/script", {"rules": [RULE]})
    added = await ask("POST", "/simulators/faults", {"token": "aa", "status": 410})
    schema = await ask("GET", "/simulators/script/schema")

    assert (played[0], json.loads(played[1])) == (200, {"rules": 1})
    assert added[0] == 201
    assert simulators.faults.take("aa") == Fault("aa", 410)
    assert json.loads(schema[1])["title"] == "ScriptBody"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/simulators/script", {"rules": [{"nht": 1}]}, 400),
        ("PUT", "/simulators/script", b"{", 400),
        ("POST", "/simulators/script", {}, 405),
        ("GET", "/elsewhere", None, 404),
    ],
)
async def test_a_wrong_call_is_refused_and_says_why(ask, method, path, body, status):
    answered, text = await ask(method, path, body)

    assert answered == status
    if status == 400:
        assert json.loads(text)["problems"][0].keys() == {"path", "kind", "expected"}
    else:
        assert json.loads(text) == {"error": "no such method or path"}
