from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from tests.unit.core.stubs import APPLICATION, RecordingStore

from heliograph.core.errors import ProblemKind
from heliograph.core.model.audience import Address, Addresses, Everyone, Recipient, Recipients
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.admission import Admission, ProviderRules
from heliograph.rendering.liquid import LiquidTemplates

pytestmark = pytest.mark.anyio

APNS, FCM, SMS = ProviderName.APNS, ProviderName.FCM, ProviderName.SMS


class Weighless:
    """Finds nothing too large, and notes that it was asked."""

    def __init__(self):
        self.asked = 0

    async def size_problems(self, *_):
        self.asked += 1
        return []


class Picky:
    """Refuses the word `bad`, and notes when it was asked to start."""

    def __init__(self):
        self.starts = []

    def __call__(self, content, options, *, starts_at):
        del options
        self.starts.append(starts_at)
        return "BadWord: bad" if content.overrides[APNS].get("say") == "bad" else None


def only_digits(address):
    return None if address.token.isdigit() else "digits"


@pytest.fixture
def picky():
    return Picky()


@pytest.fixture
def weighless():
    return Weighless()


@pytest.fixture
def admission(clock, picky, weighless):
    rules = ProviderRules(contents={APNS: picky}, addresses={SMS: only_digits})
    templates = LiquidTemplates()
    store, shelf = RecordingStore({"known_users": frozenset()}), SimpleNamespace()
    return Admission(store, weighless, shelf, templates, clock, rules)


def saying(word, provider=APNS, **rest):
    return Content(body="x", overrides={provider: {"say": word} if word else {}}, **rest)


async def test_what_a_provider_never_takes_is_named_at_its_place(admission, weighless):
    [problem] = await admission.problems_of(APPLICATION, Everyone(), saying("bad"), Options())

    assert (problem.field, problem.kind) == ("content.overrides.apns", ProblemKind.NOT_ALLOWED)
    assert problem.expected == "what apns takes (BadWord: bad)"
    assert weighless.asked == 0


@pytest.mark.parametrize(
    "content", [saying("good"), saying(""), saying("bad", FCM), Content(body="x")]
)
async def test_what_it_may_take_passes(admission, weighless, content):
    assert await admission.problems_of(APPLICATION, Everyone(), content, Options()) == []
    assert weighless.asked == 1


async def test_templates_are_judged_when_they_are_filled_in(admission, picky):
    everybody = Recipients((Recipient(address=Address(APNS, "t"), variables={"a": "1"}),), 1)
    content = Content(body="{{ a }}", overrides={APNS: {"say": "bad"}}, is_template=True)

    assert await admission.problems_of(APPLICATION, everybody, content, Options()) == []
    assert picky.starts == []


async def test_a_provider_is_told_when_it_would_start(admission, picky, clock):
    later = clock.now() + timedelta(hours=1)
    earlier = clock.now() - timedelta(seconds=5)

    for send_at in (None, later, earlier):
        await admission.problems_of(APPLICATION, Everyone(), saying("x"), Options(send_at=send_at))

    assert picky.starts == [clock.now(), later, clock.now()]


async def test_every_address_that_cant_be_is_named(admission):
    audience = Addresses(
        (Address(SMS, "1"), Address(SMS, "x"), Address(FCM, "x"), Address(SMS, ""))
    )

    problems = admission.address_problems(audience)

    assert await admission.problems_of(APPLICATION, audience, Content(body="x"), Options()) == []
    assert admission.address_problems(Everyone()) == []
    assert [(each.field, each.kind, each.expected) for each in problems] == [
        ("audience.addresses.1.token", ProblemKind.MALFORMED, "digits"),
        ("audience.addresses.3.token", ProblemKind.MALFORMED, "digits"),
    ]
