from __future__ import annotations

from datetime import UTC, datetime

from heliograph.core.ids import Id
from heliograph.core.model.application import Application, FcmCredential, ProviderCredential
from heliograph.core.model.delivery import Cursor, Dropped, Page, Target
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.delivery.addressing import addressable

APPLICATION = Application(Id(b"a" * 16), Id(b"t" * 16), "demo", datetime(2026, 1, 1, tzinfo=UTC))
FCM = ProviderCredential(
    Id(b"c" * 16),
    APPLICATION.id,
    ProviderName.FCM,
    Environment.PRODUCTION,
    FcmCredential("p", "e", "k", "x"),
)


def target(number: int, provider: ProviderName) -> Target:
    raw = b"%016d" % number
    return Target(
        raw, number, number, provider, None, f"t{number}", raw, "{}", 0, 0, is_registered=False
    )


def test_who_can_be_sent_to_stays_and_the_others_end_here() -> None:
    google, apple = target(1, ProviderName.FCM), target(2, ProviderName.APNS)
    gone = Dropped(Cursor(0, 3, b""))

    left = addressable(Page([google, apple], None, [gone]), APPLICATION, [FCM])

    assert left.targets == [google]
    reason = "no apns credential for production"
    assert left.dropped == [gone, Dropped(Cursor(2, 2, apple.id), 0, reason)]


def test_a_page_whose_targets_all_can_is_left_as_it_is() -> None:
    page = Page([target(1, ProviderName.FCM)], None)

    assert addressable(page, APPLICATION, [FCM]) is page
