from __future__ import annotations

from datetime import UTC, datetime

from heliograph.core.ids import Id
from heliograph.core.model.application import Application, FcmCredential, ProviderCredential
from heliograph.core.model.notification import Options
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.notifications.sender_choice import at_home_in, chosen_credentials

APPLICATION = Application(Id(b"a" * 16), Id(b"t" * 16), "demo", datetime(2026, 1, 1, tzinfo=UTC))
SECRET = FcmCredential("p", "e", "k", "x")
APNS, FCM = ProviderName.APNS, ProviderName.FCM
PRODUCTION, SANDBOX = Environment.PRODUCTION, Environment.SANDBOX


def credential(
    letter: bytes, provider: ProviderName, environment: Environment = PRODUCTION
) -> ProviderCredential:
    return ProviderCredential(Id(letter * 16), APPLICATION.id, provider, environment, SECRET)


OWN = (credential(b"1", APNS), credential(b"2", APNS, SANDBOX), credential(b"3", FCM))
SPARE = (credential(b"4", APNS, SANDBOX), credential(b"5", FCM))


def chosen(*wanted: tuple[ProviderName, bytes]) -> list[bytes]:
    options = Options(credentials=tuple((name, Id(letter * 16)) for name, letter in wanted))
    return [each.id[:1] for each in chosen_credentials(options, OWN, SPARE)]


def test_who_asks_for_none_gets_the_applications_own() -> None:
    assert chosen() == [b"1", b"2", b"3"]


def test_who_asks_gets_what_was_asked_for_and_nothing_else() -> None:
    assert chosen((FCM, b"5")) == [b"5"]
    assert chosen((APNS, b"1"), (APNS, b"2"), (FCM, b"3")) == [b"1", b"2", b"3"]
    assert chosen((APNS, b"4")) == [b"4"]


def test_the_applications_own_stand_in_for_what_is_gone() -> None:
    assert chosen((FCM, b"9")) == [b"3"]
    assert chosen((APNS, b"9"), (FCM, b"5")) == [b"1", b"2", b"5"]


def test_tokens_of_unknown_environment_go_where_there_is_a_credential() -> None:
    assert at_home_in(APPLICATION, OWN) is APPLICATION
    assert at_home_in(APPLICATION, (OWN[2],)) is APPLICATION
    assert at_home_in(APPLICATION, SPARE).defaults.environment is SANDBOX
