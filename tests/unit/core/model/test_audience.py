from __future__ import annotations

import pytest

from heliograph.core.model.audience import (
    Address,
    Addresses,
    Audience,
    Devices,
    Everyone,
    Recipient,
    Recipients,
    Registrations,
    Tags,
    Users,
    number_named,
)
from heliograph.core.model.registration import ProviderName


@pytest.mark.parametrize(
    ("audience", "number"),
    [
        (Users(("a", "b")), 2),
        (Devices(("a",)), 1),
        (Registrations(()), 0),
        (Addresses((Address(ProviderName.FCM, "token"),)), 1),
        (Recipients.of((Recipient(), Recipient(), Recipient())), 3),
        (Everyone(), None),
        (Tags(("one", "two")), None),
    ],
)
def test_an_audience_that_names_its_members_says_how_many(
    audience: Audience, number: int | None
) -> None:
    assert number_named(audience) == number
