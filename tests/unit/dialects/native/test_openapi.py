import json

import jsonschema_rs
import pytest

from heliograph.dialects.native import DIALECT
from heliograph.dialects.native.errors import MEDIA_TYPE, TABLE, TITLES
from heliograph.dialects.native.routes.openapi import describe

DOCUMENT = describe(DIALECT.routes, "https://push.test")


def test_every_route_is_described():
    described = {
        (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item
    }

    assert described == {(route.method, route.path) for route in DIALECT.routes}


def test_every_reference_leads_somewhere():
    text = json.dumps(DOCUMENT)
    names = set(DOCUMENT["components"]["schemas"])

    references = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}

    assert references <= names


def test_operations_have_names_of_their_own():
    names = [
        operation["operationId"]
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
    ]

    assert len(names) == len(set(names))


def test_path_and_query_parameters_are_described():
    operation = DOCUMENT["paths"]["/v1/applications/{app}/registrations"]["get"]

    places = {parameter["name"]: parameter["in"] for parameter in operation["parameters"]}

    assert places == {
        "app": "path",
        "limit": "query",
        "cursor": "query",
        "user_id": "query",
        "device_id": "query",
        "provider": "query",
    }
    assert "$ref" not in json.dumps(operation["parameters"])


def test_headers_that_are_read_are_described():
    operation = DOCUMENT["paths"]["/v1/applications/{app}/notifications"]["post"]

    [header] = [each for each in operation["parameters"] if each["in"] == "header"]

    assert (header["name"], header["required"]) == ("Idempotency-Key", False)


def test_only_the_description_itself_needs_no_credential():
    open_ones = {
        path
        for path, item in DOCUMENT["paths"].items()
        for operation in item.values()
        if operation.get("security") == []
    }

    assert open_ones == {"/v1/openapi.json"}


def test_errors_are_problem_documents():
    problem = DOCUMENT["components"]["responses"]["Problem"]

    assert list(problem["content"]) == [MEDIA_TYPE]


def test_every_code_has_a_title():
    assert {reply.code for reply in TABLE.values()} == set(TITLES)


FCM = {"provider": "fcm", "token": "t"}
CONTENT = {"body": "hi"}


@pytest.mark.parametrize(
    ("name", "body", "is_valid"),
    [
        ("RegistrationBody", FCM, True),
        ("RegistrationBody", {**FCM, "attributes": {"locale": "de"}}, True),
        ("RegistrationBody", {**FCM, "provider": "pager"}, False),
        ("RegistrationBody", {"provider": "fcm"}, False),
        ("RegistrationBody", {**FCM, "colour": 1}, False),
        ("RegistrationBody", {**FCM, "attributes": {"locale": 5}}, False),
        ("RegistrationChanges", {"state": "disabled"}, True),
        ("RegistrationChanges", {}, False),
        ("SessionBody", {"user_id": "ann", "form": "layer"}, True),
        ("SessionBody", {"user_id": "ann", "ttl_s": 0}, False),
        ("NotificationBody", {"audience": {"users": ["ann"]}, "content": CONTENT}, True),
        ("NotificationBody", {"audience": {}, "content": CONTENT}, False),
        (
            "NotificationBody",
            {"audience": {"users": ["ann"], "tags": ["a"]}, "content": CONTENT},
            False,
        ),
        ("NotificationBody", {"audience": {"everyone": True}, "content": {}}, False),
        (
            "NotificationBody",
            {
                "audience": {"addresses": [{**FCM, "form": "topic"}]},
                "content": {"overrides": {"fcm": {"android": {}}}},
                "options": {"send_at": "2026-01-02T03:04:05Z", "max_per_second": 1},
            },
            True,
        ),
        (
            "NotificationBody",
            {"audience": {"everyone": True}, "content": {"overrides": {"pager": {}}}},
            False,
        ),
        ("CountBody", {"audience": {"everyone": True}}, True),
        ("CountBody", {}, False),
    ],
)
def test_the_described_schema_says_what_the_server_says(name, body, is_valid):
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}

    assert jsonschema_rs.is_valid(schema, body) is is_valid
