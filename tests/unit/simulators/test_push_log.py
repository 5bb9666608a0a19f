from heliograph.simulators.push_log import PushLog


def test_a_push_is_one_line():
    log = PushLog()

    log.add("apns", 200, b"id-1", "aa")
    log.add("fcm", 0, b"-", "bb")

    assert log.text() == b"apns 200 id-1 aa\nfcm 0 - bb\n"


def test_pushes_are_counted_by_provider_and_status():
    log = PushLog()
    for status in (200, 200, 410):
        log.add("apns", status, b"id", "aa")

    assert log.counts() == {"apns": {"200": 2, "410": 1}}


def test_the_oldest_leave_a_full_log_and_stay_counted():
    log = PushLog(limit=10_000)
    for number in range(50_000):
        log.add("apns", 200, b"id", str(number))

    lines = log.text().splitlines()

    assert 5_000 <= len(lines) <= 15_000
    assert lines[-1] == b"apns 200 id 49999"
    assert log.counts() == {"apns": {"200": 50_000}}


def test_a_log_without_room_only_counts():
    log = PushLog(0)

    log.add("apns", 200, b"id", "aa")

    assert (log.text(), log.counts()) == (b"", {"apns": {"200": 1}})


def test_clear_forgets_everything():
    log = PushLog()
    log.add("apns", 200, b"id", "aa")

    log.clear()

    assert (log.text(), log.counts()) == (b"", {})
