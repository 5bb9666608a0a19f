"""Use cases of webhooks, on a real store."""

from __future__ import annotations

from datetime import timedelta

import pytest

from heliograph.config import Storage
from heliograph.core.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    NotPermitted,
    Problem,
    ProblemKind,
)
from heliograph.core.ids import new_id
from heliograph.core.model.application import Account, Application
from heliograph.core.model.identity import ALL_SCOPES, ApiClient, ClientPrincipal, Scope
from heliograph.core.model.registration import Draft, ProviderName, Slot
from heliograph.core.model.webhook import ALL_KINDS, EventKind, WebhookForm, WebhookState
from heliograph.core.webhooks.signatures import unpack
from heliograph.core.webhooks.webhooks import MAX_WEBHOOKS, WebhookChanges, WebhookDraft, Webhooks
from heliograph.storage.store import open_store

pytestmark = pytest.mark.anyio

URL = "https://hooks.example/a"
DRAFT = WebhookDraft(URL, frozenset({EventKind.REGISTRATION_CREATED}))


class Doorkeeper:
    """Lets https pass, and where it is allowed http."""

    def check_url(self, url, *, allows_http):
        if url.startswith("https://") or allows_http:
            return url
        raise InvalidRequest([Problem(("url",), ProblemKind.NOT_ALLOWED, "a URL of https")])


class OpenSealer:
    """Keeps things as they are."""

    def seal(self, plain, context):
        return context + plain

    def unseal(self, sealed, context):
        assert sealed.startswith(context)
        return sealed.removeprefix(context)


@pytest.fixture
async def store(tmp_path):
    store = await open_store(Storage(), tmp_path)
    yield store
    await store.close()


@pytest.fixture
def application(clock):
    account = Account(new_id(clock.now()), "an account", clock.now())
    return Application(new_id(clock.now()), account.id, "an app", clock.now())


@pytest.fixture
def webhooks(store, clock):
    return Webhooks(store.webhooks, Doorkeeper(), OpenSealer(), clock)


def caller(application, *scopes):
    client = ApiClient(
        new_id(application.created),
        application.account_id,
        "back end",
        frozenset(scopes) or ALL_SCOPES,
        application.created,
    )
    return ClientPrincipal(client)


@pytest.fixture
def operator(application):
    return caller(application)


async def secrets_of(store, webhook):
    _, sealed = await store.webhooks.webhook(webhook.application_id, webhook.id)
    return unpack(sealed.removeprefix(webhook.id))


async def test_a_webhook_gets_a_secret_of_its_own(webhooks, store, operator, application):
    first, secret = await webhooks.create(operator, application, DRAFT)
    _, other = await webhooks.create(operator, application, DRAFT)

    assert secret != other
    assert (await secrets_of(store, first)).secret == secret
    assert await webhooks.get(operator, application, first.id) == first
    assert len(await webhooks.all_of(operator, application)) == 2


async def test_a_customer_brings_a_secret_and_credentials_along(
    webhooks, store, operator, application
):
    theirs = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    draft = WebhookDraft(URL, ALL_KINDS, secret=theirs, basic="key:pass")

    webhook, secret = await webhooks.create(operator, application, draft)

    held = await secrets_of(store, webhook)
    assert secret == theirs
    assert (held.secret, held.basic) == (theirs, "key:pass")


async def test_every_problem_of_a_draft_is_named(webhooks, operator, application):
    draft = WebhookDraft("http://hooks.example/", frozenset(), "\n", secret="short")

    with pytest.raises(InvalidRequest) as caught:
        await webhooks.create(operator, application, draft)

    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["events", "name", "url", "secret"]


async def test_a_dialects_webhook_may_be_called_over_http(webhooks, operator, application):
    draft = WebhookDraft("http://hooks.example/", ALL_KINDS, form=WebhookForm.MOBILEFIRST)

    webhook, _ = await webhooks.create(operator, application, draft)

    assert webhook.url == "http://hooks.example/"


async def test_an_application_has_so_many_webhooks_at_most(webhooks, operator, application):
    for _ in range(MAX_WEBHOOKS):
        await webhooks.create(operator, application, DRAFT)

    with pytest.raises(InvalidRequest):
        await webhooks.create(operator, application, DRAFT)


async def test_what_a_change_names_is_changed(webhooks, store, operator, application):
    webhook, secret = await webhooks.create(operator, application, DRAFT)
    changes = WebhookChanges("https://hooks.example/b", ALL_KINDS, "new", "key:pass", {"a": 1})

    changed = await webhooks.change(operator, application, webhook.id, changes)
    same = await webhooks.change(operator, application, webhook.id, WebhookChanges())

    held = await secrets_of(store, webhook)
    assert (changed.url, changed.kinds, changed.name, changed.settings) == (
        "https://hooks.example/b",
        ALL_KINDS,
        "new",
        {"a": 1},
    )
    assert same == changed
    assert (held.secret, held.basic) == (secret, "key:pass")


async def test_a_change_that_cant_be_changes_nothing(webhooks, operator, application):
    webhook, _ = await webhooks.create(operator, application, DRAFT)

    with pytest.raises(InvalidRequest):
        await webhooks.change(
            operator, application, webhook.id, WebhookChanges("http://hooks.example/", name="new")
        )

    assert await webhooks.get(operator, application, webhook.id) == webhook


async def test_a_webhook_is_found_by_its_name(webhooks, operator, application):
    await webhooks.create(operator, application, DRAFT)
    named, _ = await webhooks.create(operator, application, WebhookDraft(URL, ALL_KINDS, "mine"))

    assert await webhooks.named(operator, application, "mine") == named
    with pytest.raises(NotFound):
        await webhooks.named(operator, application, "yours")


async def test_a_name_is_taken_once(webhooks, operator, application):
    named = WebhookDraft(URL, ALL_KINDS, "mine")
    await webhooks.create(operator, application, named)

    with pytest.raises(Conflict):
        await webhooks.create(operator, application, named)


async def test_a_rotation_keeps_the_former_secret_for_a_while(
    webhooks, store, operator, application, clock
):
    draft = WebhookDraft(URL, ALL_KINDS, basic="key:pass")
    webhook, old = await webhooks.create(operator, application, draft)

    new = await webhooks.rotate(operator, application, webhook.id, timedelta(hours=1))
    held = await secrets_of(store, webhook)
    await webhooks.rotate(operator, application, webhook.id, timedelta(0))
    alone = await secrets_of(store, webhook)

    assert (held.secret, held.basic) == (new, "key:pass")
    assert (held.former.secret, held.former.until) == (old, clock.now() + timedelta(hours=1))
    assert alone.former is None


@pytest.mark.parametrize(
    ("overlap", "kind"),
    [
        (timedelta(seconds=-1), ProblemKind.TOO_SMALL),
        (timedelta(days=7, seconds=1), ProblemKind.TOO_LARGE),
    ],
)
async def test_an_overlap_has_bounds(webhooks, operator, application, overlap, kind):
    webhook, _ = await webhooks.create(operator, application, DRAFT)

    with pytest.raises(InvalidRequest) as caught:
        await webhooks.rotate(operator, application, webhook.id, overlap)

    assert caught.value.problems[0].kind is kind


async def test_a_webhook_is_disabled_and_enabled_by_hand(webhooks, operator, application):
    webhook, _ = await webhooks.create(operator, application, DRAFT)

    disabled = await webhooks.disable(operator, application, webhook.id)
    enabled = await webhooks.enable(operator, application, webhook.id)

    assert (disabled.state, disabled.disabled_reason) == (
        WebhookState.DISABLED,
        "disabled by hand",
    )
    assert enabled == webhook


async def test_a_deleted_webhook_is_gone(webhooks, operator, application):
    webhook, _ = await webhooks.create(operator, application, DRAFT)

    await webhooks.remove(operator, application, webhook.id)

    assert list(await webhooks.all_of(operator, application)) == []


async def test_events_are_replayed(webhooks, store, operator, application, clock):
    webhook, _ = await webhooks.create(operator, application, DRAFT)
    draft = Draft(
        application_id=application.id,
        slot=Slot(device_id="d"),
        provider=ProviderName.FCM,
        token="T",
        arrived_at=clock.now(),
        origin="test",
    )
    await store.registry.register(draft)
    clock.advance(1)
    replay = webhooks.replay
    start = clock.now() - timedelta(minutes=1)

    assert await replay(operator, application, webhook.id, since=start) == 1
    assert await replay(operator, application, webhook.id, since=clock.now()) == 0
    assert await replay(operator, application, webhook.id, since=start, until=start) == 0
    assert await replay(operator, application, webhook.id, event_ids=[new_id(clock.now())]) == 0
    for wrong in ({}, {"since": start, "event_ids": [webhook.id]}):
        with pytest.raises(InvalidRequest):
            await replay(operator, application, webhook.id, **wrong)


async def test_a_webhook_that_was_not_called_has_no_attempts(webhooks, operator, application):
    webhook, _ = await webhooks.create(operator, application, DRAFT)

    found = await webhooks.attempts(operator, application, webhook.id, before=None, limit=10)

    assert tuple(map(list, found[:1])) == ([],)
    assert found[1] is None


async def test_what_is_not_there_is_not_found(webhooks, operator, application, clock):
    nothing = new_id(clock.now())

    for call in (
        webhooks.get(operator, application, nothing),
        webhooks.change(operator, application, nothing, WebhookChanges()),
        webhooks.remove(operator, application, nothing),
        webhooks.rotate(operator, application, nothing),
        webhooks.enable(operator, application, nothing),
        webhooks.disable(operator, application, nothing),
        webhooks.attempts(operator, application, nothing, before=None, limit=1),
        webhooks.replay(operator, application, nothing, event_ids=[nothing]),
    ):
        with pytest.raises(NotFound):
            await call


async def test_one_that_is_deleted_meanwhile_is_not_found(store, operator, application, clock):
    class Leaving:
        """A store whose webhook is gone once it has been read."""

        async def webhook(self, application_id, webhook_id):
            found = await store.webhooks.webhook(application_id, webhook_id)
            await store.webhooks.remove_webhook(application_id, webhook_id)
            return found

        def __getattr__(self, name):
            return getattr(store.webhooks, name)

    webhooks = Webhooks(Leaving(), Doorkeeper(), OpenSealer(), clock)
    webhook, _ = await webhooks.create(operator, application, DRAFT)

    with pytest.raises(NotFound):
        await webhooks.enable(operator, application, webhook.id)


async def test_each_use_case_needs_its_right(webhooks, operator, application):
    webhook, _ = await webhooks.create(operator, application, DRAFT)
    reader = caller(application, Scope.APPLICATIONS_READ)
    stranger = caller(application, Scope.NOTIFICATIONS_SEND)

    assert await webhooks.get(reader, application, webhook.id) == webhook
    for call in (
        webhooks.all_of(stranger, application),
        webhooks.get(stranger, application, webhook.id),
        webhooks.attempts(stranger, application, webhook.id, before=None, limit=1),
        webhooks.create(reader, application, DRAFT),
        webhooks.change(reader, application, webhook.id, WebhookChanges()),
        webhooks.remove(reader, application, webhook.id),
        webhooks.rotate(reader, application, webhook.id),
        webhooks.enable(reader, application, webhook.id),
        webhooks.disable(reader, application, webhook.id),
        webhooks.replay(reader, application, webhook.id, event_ids=[webhook.id]),
    ):
        with pytest.raises(NotPermitted):
            await call
