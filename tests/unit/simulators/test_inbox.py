from datetime import UTC, datetime, timedelta, timezone

from heliograph.simulators.inbox import Inbox, ReceivedPush

NOON = datetime(2026, 5, 4, 12, 0, 0, 5000, tzinfo=UTC)


def push(token="ab", **changes):
    fields = {
        "provider": "apns",
        "token": token,
        "raw_headers": {b"apns-topic": b"com.example.demo", b"authorization": b"bearer secret"},
        "body": b'{"aps":{"alert":"hi"}}',
        "received_at": NOON,
    }
    return ReceivedPush(**{**fields, **changes})


def test_a_push_says_exactly_what_the_demo_reads():
    said = push().to_json()

    assert said == {
        "provider": "apns",
        "token": "ab",
        "headers": {"apns-topic": "com.example.demo"},
        "payload": {"aps": {"alert": "hi"}},
        "received_at": "2026-05-04T12:00:00.005Z",
    }


def test_times_are_said_in_utc():
    elsewhere = NOON.astimezone(timezone(timedelta(hours=2)))

    assert push(received_at=elsewhere).to_json()["received_at"] == "2026-05-04T12:00:00.005Z"


def test_neither_secrets_nor_texts_are_in_the_repr():
    assert "secret" not in repr(push())
    assert "alert" not in repr(push())


def test_pushes_are_listed_oldest_first_for_all_or_one_token():
    inbox = Inbox()
    first, second, third = push("aa"), push("bb"), push("aa")
    for each in (first, second, third):
        inbox.add(each)

    assert inbox.received() == [first, second, third]
    assert inbox.received("aa") == [first, third]
    assert inbox.received("cc") == []
    assert len(inbox) == inbox.total == 3


def test_the_oldest_leave_a_full_inbox():
    inbox = Inbox(limit=2)
    for token in ("aa", "bb", "aa"):
        inbox.add(push(token))

    assert [each.token for each in inbox.received()] == ["bb", "aa"]
    assert len(inbox.received("aa")) == 1
    assert len(inbox) == 2
    assert inbox.total == 3


def test_a_token_whose_pushes_all_left_is_forgotten():
    inbox = Inbox(limit=1)
    inbox.add(push("aa"))
    inbox.add(push("bb"))

    assert inbox.received("aa") == []
    assert inbox._by_token.keys() == {"bb"}


def test_clear_forgets_everything():
    inbox = Inbox()
    inbox.add(push())

    inbox.clear()

    assert (inbox.received(), inbox.received("ab"), inbox.total) == ([], [], 0)
