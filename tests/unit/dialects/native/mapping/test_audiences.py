from datetime import UTC, datetime

import pytest

from heliograph.core.ids import new_id, spell
from heliograph.core.model import audience as audiences
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.native.mapping import audiences as mapping
from heliograph.dialects.native.schemas import audiences as schemas

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
REGISTRATION_ID = new_id(NOW)


@pytest.mark.parametrize(
    ("body", "form", "audience"),
    [
        ({"users": ["ann"]}, "users", audiences.Users(("ann",))),
        ({"tags": ["news"]}, "tags", audiences.Tags(("news",))),
        (
            {"registrations": [spell("registration", REGISTRATION_ID)]},
            "registrations",
            audiences.Registrations((REGISTRATION_ID,)),
        ),
        (
            {"addresses": [{"provider": "sms", "token": "+491"}]},
            "addresses",
            audiences.Addresses((audiences.Address(ProviderName.SMS, "+491"),)),
        ),
        ({"everyone": True}, "everyone", audiences.Everyone()),
    ],
)
def test_an_audience_is_translated_there_and_back(body, form, audience):
    translated = mapping.to_audience(schemas.AudienceBody.model_validate(body))

    assert translated == audience
    assert mapping.form_of(translated) == form


def test_recipients_are_found_by_their_names():
    ann = new_id(NOW)
    said = [{"user_id": "ann", "variables": {"n": "1"}}, {"user_id": "bob"}, {"user_id": "ann"}]
    body = schemas.AudienceBody.model_validate({"recipients": said})

    translated = mapping.to_audience(body, {"ann": ann})

    assert mapping.users_named(body) == ["ann", "bob"]
    assert body.has_places
    assert [each.user_id for each in translated.items] == [ann, bytes(16), ann]
    assert translated.items[0].variables == {"n": "1"}
    assert translated.count == 3
    assert mapping.form_of(translated) == "recipients"
