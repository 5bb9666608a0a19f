import pytest

from heliograph.simulators.fcm.schema import SCHEMAS, Sub, Violation, read_request, snake_case


def message(**fields):
    return {"message": fields}


def test_both_spellings_are_read_as_one():
    camel, _ = read_request({"validateOnly": True, "message": {"fcmOptions": {}}})
    snake, violations = read_request({"validate_only": True, "message": {"fcm_options": {}}})

    assert camel == snake == {"validateOnly": True, "message": {"fcmOptions": {}}}
    assert violations == []


def test_names_are_spelled_in_snake_case():
    assert snake_case("restrictedPackageName") == "restricted_package_name"
    assert snake_case("androidV2") == "android_v2"


def test_every_named_schema_exists():
    kinds = [kind for fields in SCHEMAS.values() for kind in fields.values()]

    assert {kind.schema for kind in kinds if isinstance(kind, Sub)} < SCHEMAS.keys()


def test_null_counts_as_absent():
    assert read_request(message(token=None)) == ({"message": {}}, [])


def test_the_body_must_be_an_object():
    request, violations = read_request(["message"])

    assert request == {}
    assert len(violations) == 1


def test_an_unknown_name_is_a_violation_of_its_parent():
    _, violations = read_request({"message": {"android": {"colour": 1}}, "extra": 1})

    text = "Invalid JSON payload received. Unknown name "
    assert violations == [
        Violation("message.android", f"{text}\"colour\" at 'message.android': Cannot find field."),
        Violation("", f'{text}"extra": Cannot find field.'),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"token": "a", "data": {"a": "b"}, "name": "x"},
        {"android": {"priority": "high", "ttl": "10.500000000s"}},
        {"android": {"priority": "HIGH", "ttl": "0s", "direct_boot_ok": True}},
        {"android": {"notification": {"notification_count": 3, "notification_priority": 4}}},
        {"android": {"notification": {"notificationCount": "3", "visibility": "secret"}}},
        {"android": {"notification": {"event_time": "2026-05-04T12:00:00.5Z", "proxy": "DENY"}}},
        {"android": {"notification": {"vibrate_timings": ["0.5s", "1s"], "body_loc_args": ["x"]}}},
        {
            "android": {
                "notification": {
                    "light_settings": {
                        "color": {"red": 1, "green": 0.5, "blue": 0, "alpha": 1.0},
                        "light_on_duration": "1s",
                        "light_off_duration": "2s",
                    }
                }
            }
        },
        {"androidV2": {"remoteNotification": {"notification": {"id": 5}}}},
        {"apns": {"headers": {"apns-priority": "5"}, "payload": {"aps": {"badge": 1}, "x": []}}},
        {"webpush": {"headers": {"TTL": "5"}, "notification": {"title": "x", "actions": []}}},
    ],
)
def test_documented_fields_are_good(fields):
    assert read_request(message(**fields))[1] == []


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"token": 5}, "message.token"),
        ({"token": ["a"]}, "message.token"),
        ({"data": {"a": "b", "n": 5}}, "message.data[1].value"),
        ({"data": {"n": {}}}, "message.data[0].value"),
        ({"data": "text"}, "message.data"),
        ({"notification": "text"}, "message.notification"),
        ({"android": {"ttl": "3600"}}, "message.android.ttl"),
        ({"android": {"ttl": 3600}}, "message.android.ttl"),
        ({"android": {"priority": "urgent"}}, "message.android.priority"),
        ({"android": {"priority": 9}}, "message.android.priority"),
        ({"android": {"priority": True}}, "message.android.priority"),
        ({"android": {"directBootOk": "yes"}}, "message.android.direct_boot_ok"),
        ({"apns": {"payload": "text"}}, "message.apns.payload"),
        ({"apns": {"headers": {"apns-priority": 5}}}, "message.apns.headers[0].value"),
        (
            {"android": {"notification": {"body_loc_args": "x"}}},
            "message.android.notification.body_loc_args",
        ),
        (
            {"android": {"notification": {"body_loc_args": ["a", 5]}}},
            "message.android.notification.body_loc_args[1]",
        ),
        (
            {"android": {"notification": {"event_time": "yesterday"}}},
            "message.android.notification.event_time",
        ),
        (
            {"android": {"notification": {"event_time": 5}}},
            "message.android.notification.event_time",
        ),
        (
            {"android": {"notification": {"notification_count": 2**31}}},
            "message.android.notification.notification_count",
        ),
        (
            {"android": {"notification": {"light_settings": {"color": {"red": True}}}}},
            "message.android.notification.light_settings.color.red",
        ),
    ],
)
def test_a_wrong_value_is_a_violation_of_its_field(fields, where):
    _, violations = read_request(message(**fields))

    assert [violation.field for violation in violations] == [where]


def test_all_violations_are_found():
    _, violations = read_request(message(token=5, data={"a": 1, "b": 2}, nonsense={}))

    assert len(violations) == 4
