from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.core import registry
from tests.unit.core.stubs import APPLICATION, client, session

from heliograph.core.applications.webpush_keys import MAX_KEYS, WebPushKeys
from heliograph.core.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from heliograph.core.model.application import VapidKey, WebPushCredential
from heliograph.core.model.identity import Scope
from heliograph.core.model.registration import Attribute, ProviderName
from heliograph.core.registrations.claims import RegistryState

if TYPE_CHECKING:
    from heliograph.core.model.registration import Draft

pytestmark = pytest.mark.anyio

CONTACT = "mailto:ops@example.com"
BROWSER = {"p256dh": "key", "auth": "secret"}


class Shelf:
    """Stands for the applications' credentials."""

    def __init__(self) -> None:
        self.secrets: list[Any] = []

    async def credentials_of(self, _: object, *, is_fresh: bool = False) -> list[SimpleNamespace]:
        return [SimpleNamespace(secret=secret) for secret in self.secrets]

    async def set_credential(self, _: object, environment: str, secret: Any) -> None:
        assert environment == "production"
        self.secrets = [secret]


@pytest.fixture
def keys() -> WebPushKeys:
    numbers = iter(range(100))
    return WebPushKeys(Shelf(), lambda: VapidKey(f"public-{next(numbers)}", "private"))  # type: ignore[arg-type]


def browser(**attributes: str) -> Draft:
    return registry.draft(provider=ProviderName.WEBPUSH, attributes={**BROWSER, **attributes})


async def test_a_new_key_is_the_present_one_and_the_former_stay(keys: WebPushKeys) -> None:
    await keys.create(client(), APPLICATION, CONTACT)

    found = await keys.create(client(), APPLICATION, None)

    assert found.keys == ("public-1", "public-0")
    assert found.contact == CONTACT
    assert await keys.all_of(client(), APPLICATION) == found


async def test_the_first_key_needs_a_contact(keys: WebPushKeys) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await keys.create(client(), APPLICATION, None)

    assert [problem.field for problem in caught.value.problems] == ["contact"]


async def test_there_are_only_so_many_keys(keys: WebPushKeys) -> None:
    for _ in range(MAX_KEYS):
        await keys.create(client(), APPLICATION, CONTACT)

    with pytest.raises(Conflict):
        await keys.create(client(), APPLICATION, CONTACT)


async def test_a_key_is_taken_over_once(keys: WebPushKeys) -> None:
    theirs = VapidKey("theirs", "private")

    assert (await keys.make(APPLICATION, CONTACT, theirs)).keys == ("theirs",)
    with pytest.raises(Conflict):
        await keys.make(APPLICATION, CONTACT, theirs)


async def test_a_former_key_can_be_removed_and_the_present_one_not(keys: WebPushKeys) -> None:
    await keys.create(client(), APPLICATION, CONTACT)
    await keys.create(client(), APPLICATION, None)

    await keys.remove(client(), APPLICATION, "public-0")

    assert (await keys.all_of(client(), APPLICATION)).keys == ("public-1",)
    with pytest.raises(Conflict):
        await keys.remove(client(), APPLICATION, "public-1")
    with pytest.raises(NotFound):
        await keys.remove(client(), APPLICATION, "public-0")


async def test_a_device_reads_keys_and_makes_none(keys: WebPushKeys) -> None:
    await keys.make(APPLICATION, CONTACT)

    assert (await keys.all_of(session("ann"), APPLICATION)).keys == ("public-0",)
    with pytest.raises(NotPermitted):
        await keys.create(session("ann"), APPLICATION, CONTACT)
    with pytest.raises(NotPermitted):
        await keys.remove(
            client(scopes=frozenset({Scope.REGISTRATIONS_WRITE})), APPLICATION, "public-0"
        )


async def test_without_keys_there_is_nothing_to_show_or_to_note(keys: WebPushKeys) -> None:
    draft = browser()

    assert await keys.noted(APPLICATION, draft) is draft
    with pytest.raises(NotFound):
        await keys.all_of(client(), APPLICATION)
    with pytest.raises(NotFound):
        await keys.remove(client(), APPLICATION, "public-0")


async def test_a_draft_that_names_no_key_assumes_the_present_one(keys: WebPushKeys) -> None:
    await keys.make(APPLICATION, CONTACT)

    noted = await keys.noted(APPLICATION, browser())

    assert noted.assumed == {Attribute.VAPID_KEY: "public-0"}
    assert registry.apply(RegistryState([]), noted).attributes == {
        **BROWSER,
        "vapid_key": "public-0",
    }


async def test_a_named_key_is_the_applications_however_it_is_spelled(keys: WebPushKeys) -> None:
    await keys.make(APPLICATION, CONTACT)

    noted = await keys.noted(APPLICATION, browser(vapid_key="public+0="))

    assert noted.attributes[Attribute.VAPID_KEY] == "public-0"
    with pytest.raises(InvalidRequest) as caught:
        await keys.noted(APPLICATION, browser(vapid_key="other"))
    assert [problem.field for problem in caught.value.problems] == ["attributes.vapid_key"]


async def test_an_endpoint_keeps_its_key_when_it_is_bound_anew(keys: WebPushKeys) -> None:
    await keys.make(APPLICATION, CONTACT)
    first = registry.apply(RegistryState([]), await keys.noted(APPLICATION, browser()))
    await keys.make(APPLICATION, None)
    again = browser()._replace(slot=browser().slot._replace(device_id="another"))

    second = registry.apply(RegistryState([first]), await keys.noted(APPLICATION, again))

    assert second.attributes[Attribute.VAPID_KEY] == "public-0"


def test_a_credential_comes_out_of_the_store_as_it_went_in() -> None:
    secret = WebPushCredential(CONTACT, (VapidKey("a", "b"),))

    assert WebPushCredential(CONTACT, [{"public": "a", "private": "b"}]) == secret  # type: ignore[arg-type]
    assert "'b'" not in repr(secret)
