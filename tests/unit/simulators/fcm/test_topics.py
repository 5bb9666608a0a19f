import json

import pytest
from tests.unit.simulators.fcm.test_fake import Bench

from heliograph.simulators.credentials import DEMO_PROJECT_ID
from heliograph.simulators.exchange import Drop, Request
from heliograph.simulators.faults import Action, Fault
from heliograph.simulators.fcm.topics import MOST_TOPICS

PARENT = f"/v1/projects/{DEMO_PROJECT_ID}/registrations"


@pytest.fixture
def bench(credentials, now):
    return Bench(credentials, now)


def call(bench, method, path, body=b"", *, authorization=None, **headers):
    bearer = authorization or bench.bearer()
    sent = {b"authorization": bearer} | {n.encode(): v.encode() for n, v in headers.items()}
    return bench.session.react(Request(method, path.encode(), sent, body))


def join(bench, token="to:k", topic="news", name="topicName"):
    return call(bench, b"POST", f"{PARENT}/{token}/topicSubscriptions?{name}={topic}", b"{}")


def status_of(answer):
    return answer.status, json.loads(answer.body)["error"]["status"]


@pytest.mark.parametrize("name", ["topicName", "topic_name"])
def test_a_device_joins_a_topic(bench, name):
    answer = join(bench, "to%3Ak", "a%25b", name)

    assert answer.status == 200
    assert json.loads(answer.body)["name"].endswith("/to:k/topicSubscriptions/a%b")
    assert bench.fake.topics.topics_of("to:k") == ["a%b"]


def test_joining_twice_is_told(bench):
    join(bench)

    assert status_of(join(bench)) == (409, "ALREADY_EXISTS")


@pytest.mark.parametrize("topic", ["", "a%20b"])
def test_a_topic_that_cant_be_is_invalid(bench, topic):
    assert status_of(join(bench, topic=topic)) == (400, "INVALID_ARGUMENT")


def test_a_token_that_cant_be_is_invalid(bench):
    assert status_of(join(bench, token="a%20b")) == (400, "INVALID_ARGUMENT")


def test_patch_joins_whoever_is_there(bench):
    path = f"{PARENT}/t/topicSubscriptions/news?allowMissing=true"

    assert [call(bench, b"PATCH", path).status for _ in range(2)] == [200, 200]
    assert bench.fake.topics.topics_of("t") == ["news"]


@pytest.mark.parametrize(("query", "status"), [("?allow_missing=true", 200), ("", 404)])
def test_leaving_where_nobody_was(bench, query, status):
    answer = call(bench, b"DELETE", f"{PARENT}/t/topicSubscriptions/news{query}")

    assert answer.status == status


def test_a_device_leaves_and_its_topics_are_listed(bench):
    join(bench, "t", "a")
    join(bench, "t", "b")
    left = call(bench, b"DELETE", f"{PARENT}/t/topicSubscriptions/a")

    listed = json.loads(call(bench, b"GET", f"{PARENT}/t/topicSubscriptions").body)

    assert left.status == 200
    assert [each["name"].rpartition("/")[2] for each in listed["topicSubscriptions"]] == ["b"]


def test_a_device_is_in_so_many_topics_and_no_more(bench):
    tokens = json.dumps({"to": "/topics/one-more", "registration_tokens": ["t"]}).encode()
    bearer = bench.bearer()
    for number in range(MOST_TOPICS):
        path = f"{PARENT}/t/topicSubscriptions?topicName=t{number}"
        call(bench, b"POST", path, authorization=bearer)

    answer = join(bench, "t", "one-more")
    of_a_batch = batch(bench, tokens)

    assert answer.status == 400
    assert json.loads(of_a_batch.body) == {"results": [{"error": "TOO_MANY_TOPICS"}]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (b"PUT", f"{PARENT}/t/topicSubscriptions/news"),
        (b"PATCH", f"{PARENT}/t/topicSubscriptions/news"),
        (b"POST", f"{PARENT}/t/topicSubscriptions/news"),
        (b"POST", f"{PARENT}/t/topicSubscription"),
        (b"POST", f"{PARENT}/t"),
        (b"GET", "/iid/v1:batchAdd"),
        (b"POST", "/iid/v1:batchAsk"),
    ],
)
def test_other_calls_are_a_page_not_json(bench, method, path):
    answer = call(bench, method, path, access_token_auth="true")

    assert answer.status == 404
    assert answer.body.startswith(b"<!DOCTYPE html>")


def test_a_stranger_changes_nothing(bench):
    foreign = call(bench, b"POST", "/v1/projects/other/registrations/t/topicSubscriptions")
    unknown = call(
        bench, b"POST", f"{PARENT}/t/topicSubscriptions?topicName=a", authorization=b"Bearer x"
    )

    assert status_of(foreign) == (403, "PERMISSION_DENIED")
    assert status_of(unknown) == (401, "UNAUTHENTICATED")
    assert bench.fake.topics.topics_of("t") == []


def test_a_fault_of_a_token_is_its_answer(bench):
    bench.faults.add(Fault("t", 429, "RESOURCE_EXHAUSTED", retry_after=3))

    answer = join(bench, "t")

    assert answer.status == 429
    assert (b"retry-after", b"3") in answer.fields
    assert join(bench, "t").status == 200


def test_a_fault_may_cut_the_connection_instead(bench):
    bench.faults.add(Fault("t", action=Action.CLOSE))

    assert join(bench, "t") == Drop()


def batch(bench, body, call_name="batchAdd", header="true"):
    return call(bench, b"POST", f"/iid/v1:{call_name}", body, access_token_auth=header)


def members(topic, *tokens):
    return json.dumps({"to": topic, "registration_tokens": tokens}).encode()


def test_many_devices_join_and_leave_in_one_call(bench):
    joined = batch(bench, members("/topics/news", "a", "no token!", "b"))
    left = batch(bench, members("/topics/news", "a", "c"), "batchRemove")

    assert json.loads(joined.body) == {"results": [{}, {"error": "INVALID_ARGUMENT"}, {}]}
    assert json.loads(left.body) == {"results": [{}, {}]}
    assert [bench.fake.topics.topics_of(token) for token in "ab"] == [[], ["news"]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        members("news", "a"),
        members("/topics/a b", "a"),
        members("/topics/news"),
        members("/topics/news", *(["a"] * 1001)),
    ],
)
def test_a_batch_that_cant_be_is_refused_whole(bench, body):
    answer = batch(bench, body)

    assert (answer.status, json.loads(answer.body)) == (400, {"error": "INVALID_ARGUMENT"})


def test_an_access_token_has_to_be_announced(bench):
    answer = batch(bench, members("/topics/news", "a"), header="false")

    assert (answer.status, json.loads(answer.body)) == (401, {"error": "Unauthorized"})


def test_faults_of_a_batch_are_the_whole_calls_or_one_devices(bench):
    bench.faults.add(Fault("/topics/news", 503, "UNAVAILABLE", retry_after=4))
    bench.faults.add(Fault("/topics/news", 500))
    bench.faults.add(Fault("b", 404, "NOT_FOUND"))
    asked = members("/topics/news", "a", "b")

    refused, broken, taken = (batch(bench, asked) for _ in range(3))

    assert refused.status == 503
    assert (b"retry-after", b"4") in refused.fields
    assert (broken.status, json.loads(broken.body)) == (500, {"error": "INTERNAL"})
    assert json.loads(taken.body) == {"results": [{}, {"error": "NOT_FOUND"}]}
