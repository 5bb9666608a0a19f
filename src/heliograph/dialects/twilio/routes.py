"""Twilio's operations: device registrations."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import NotFound
from heliograph.core.ids import spell
from heliograph.core.model.identity import Scope
from heliograph.core.model.listing import RegistrationFilter
from heliograph.dialects.twilio import auth, mapping, schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal, Member, User
    from heliograph.core.model.registration import Owner
    from heliograph.web.request import Request


async def register_device(request: Request, core: Core) -> Response:
    """Add a device to a user's registration in an App; 202, with the registration's id."""
    principal = await auth.caller_of(request, core)
    access.require_right(principal, Scope.REGISTRATIONS_WRITE)
    body = await request.read(schemas.RegisterDevice)
    application, owner = await _place_of(core, principal, body)
    draft = mapping.to_draft(body, application.id, owner, now=core.clock.now())
    registration = await core.registrations.register(principal, application, draft)
    assert registration.member_id is not None
    return _accepted(mapping.from_member(registration.member_id, request.door.public_url))


async def list_device_registrations(request: Request, core: Core) -> Response:
    """List a user's registrations, newest first."""
    principal = await auth.caller_of(request, core)
    access.require_right(principal, Scope.REGISTRATIONS_READ)
    query = request.query(schemas.DeviceRegistrationQuery)
    filters = mapping.to_filters(query, principal.account_id)
    before = _before(core, query.page_token, filters)
    found = await _device_sets(core, principal, query, before)
    shown = found[: query.page_size]
    page = schemas.DeviceRegistrations(
        device_registrations=mapping.from_device_sets(shown, request.door.public_url),
        pagination=schemas.Pagination(
            next=_page_token(core, filters, shown[-1].member.id) if found != shown else None,
            self=_page_token(core, filters, before),
        ),
    )
    return json_response(page.model_dump(by_alias=True))


async def get_device_registration(request: Request, core: Core) -> Response:
    """Show one registration."""
    principal = await auth.caller_of(request, core)
    access.require_right(principal, Scope.REGISTRATIONS_READ)
    member = await _member_in_path(request, core, principal)
    found = await _device_set(core, principal, member)
    shown = mapping.from_device_set(found, request.door.public_url)
    return json_response(shown.model_dump(by_alias=True))


async def delete_device_registration(request: Request, core: Core) -> Response:
    """Forget every device of one registration; 202, with its id."""
    principal = await auth.caller_of(request, core)
    access.require_right(principal, Scope.REGISTRATIONS_WRITE)
    member = await _member_in_path(request, core, principal)
    application, _ = await _app_of(core, principal, member)
    if not await core.registrations.remove_of_member(
        principal, application, member.id, mapping.ORIGIN
    ):
        raise NotFound("member", spell("member", member.id))
    return _accepted(mapping.from_member(member.id, request.door.public_url))


async def _place_of(
    core: Core, principal: ClientPrincipal, body: schemas.RegisterDevice
) -> tuple[Application, Owner]:
    """Find the App and the user that a body names; without a user, one to be made.

    Raises InvalidRequest naming all that is unknown.
    """
    application = await _app_called(core, principal, body.app_name)
    user = await _user_called(core, principal, body.user_id)
    if application is None or (user is None and body.user_id is not None):
        raise mapping.unknown_names(body, is_app_known=application is not None, user=user)
    if user is None:
        return application, core.identity.fresh_user(principal.account_id)
    return application, await core.identity.member_of(application, user.id)


async def _app_called(core: Core, principal: ClientPrincipal, name: str) -> Application | None:
    application_id = await core.aliases.find(mapping.APP_ALIAS, principal.account_id, name)
    if application_id is not None:
        with suppress(NotFound):
            return await core.applications.seen_by(principal, spell("application", application_id))
    return None


async def _user_called(core: Core, principal: ClientPrincipal, name: str | None) -> User | None:
    user_id = mapping.to_user_id(name or "")
    if user_id is not None:
        with suppress(NotFound):
            return await core.identity.user(principal.account_id, user_id)
    return None


async def _member_in_path(request: Request, core: Core, principal: ClientPrincipal) -> Member:
    """Find the membership whose id the path spells; raises NotFound."""
    member_id = mapping.to_member_id(request.path_params["device_registration_id"])
    return await core.identity.member(principal.account_id, member_id)


async def _app_of(
    core: Core, principal: ClientPrincipal, member: Member
) -> tuple[Application, str]:
    """Answer a membership's application, and its name as an App.

    Raises NotFound where it isn't the caller's, or has no such name.
    """
    spelled = spell("application", member.application_id)
    application = await core.applications.seen_by(principal, spelled)
    name = await core.aliases.of(mapping.APP_ALIAS, principal.account_id, application.id)
    if name is None:
        raise NotFound("member", spell("member", member.id))
    return application, name


async def _device_set(core: Core, principal: ClientPrincipal, member: Member) -> mapping.DeviceSet:
    """Read a membership's devices; raises NotFound where there are none."""
    application, name = await _app_of(core, principal, member)
    wanted = RegistrationFilter(member_id=member.id)
    page = await core.registrations.find(
        principal, application, wanted, after=None, limit=mapping.MAX_SHOWN
    )
    devices = mapping.to_devices(page.items)
    if not devices:
        raise NotFound("member", spell("member", member.id))
    return mapping.DeviceSet(member, name, devices)


async def _device_sets(
    core: Core,
    principal: ClientPrincipal,
    query: schemas.DeviceRegistrationQuery,
    before: Id | None,
) -> Sequence[mapping.DeviceSet]:
    """Read a page of a user's registrations, and one more if there is one."""
    user_id = mapping.to_user_id(query.user_id)
    if user_id is None:
        return ()
    members = await core.identity.members_of(principal.account_id, user_id)
    if query.app_name is not None:
        wanted = await core.aliases.find(mapping.APP_ALIAS, principal.account_id, query.app_name)
        members = [member for member in members if member.application_id == wanted]
    found: list[mapping.DeviceSet] = []
    for member in mapping.newest_first(members, before):
        with suppress(NotFound):
            found.append(await _device_set(core, principal, member))
        if len(found) > query.page_size:
            break
    return found


def _before(core: Core, token: str | None, filters: mapping.Filters) -> Id | None:
    """Say behind which item a page begins; raises InvalidRequest."""
    if token is None:
        return None
    return mapping.to_before(core.signer.verify(mapping.PAGE_PURPOSE, token), filters)


def _page_token(core: Core, filters: mapping.Filters, before: Id | None) -> str:
    return core.signer.sign(mapping.PAGE_PURPOSE, mapping.from_before(before, filters))


def _accepted(resource: schemas.NamedResource) -> Response:
    headers = mapping.resource_headers(resource)
    return json_response(resource.model_dump(by_alias=True), 202, headers)


ROUTES = (
    Route(
        "POST",
        "/v1/PushNotifications/DeviceRegistrations",
        register_device,
        source="docs/dialects/twilio.md#register",
        summary="Register a device",
        body=schemas.RegisterDevice,
        answers={202: schemas.NamedResource},
    ),
    Route(
        "GET",
        "/v1/PushNotifications/DeviceRegistrations",
        list_device_registrations,
        source="docs/dialects/twilio.md#list",
        summary="List a user's device registrations",
        query=schemas.DeviceRegistrationQuery,
        answers={200: schemas.DeviceRegistrations},
    ),
    Route(
        "GET",
        "/v1/PushNotifications/DeviceRegistrations/{device_registration_id}",
        get_device_registration,
        source="docs/dialects/twilio.md#fetch",
        summary="Show a device registration",
        answers={200: schemas.DeviceRegistration},
    ),
    Route(
        "DELETE",
        "/v1/PushNotifications/DeviceRegistrations/{device_registration_id}",
        delete_device_registration,
        source="docs/dialects/twilio.md#delete",
        summary="Delete a device registration",
        answers={202: schemas.NamedResource},
    ),
)
