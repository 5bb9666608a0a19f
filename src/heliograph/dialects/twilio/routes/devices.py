"""Twilio's operations: device registrations."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import NotFound
from heliograph.core.ids import spell
from heliograph.core.model.identity import Scope
from heliograph.core.model.listing import RegistrationFilter
from heliograph.dialects.twilio.auth.callers import caller_of
from heliograph.dialects.twilio.mapping import devices, ids, paging
from heliograph.dialects.twilio.routes.admission import (
    PAGE,
    accepted,
    behind,
    pagination,
    shown,
)
from heliograph.dialects.twilio.schemas import devices as schemas
from heliograph.dialects.twilio.schemas.wire import NamedResource
from heliograph.web.dialect import Route

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
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.REGISTRATIONS_WRITE)
    body = await request.read(schemas.RegisterDevice)
    application, owner = await _place_of(core, principal, body)
    draft = devices.to_draft(body, application.id, owner, now=core.clock.now())
    try:
        registration = await core.registrations.register(principal, application, draft)
    except NotFound as error:
        raise devices.unknown_names(body, is_app_known=True, user=None) from error
    assert registration.member_id is not None
    return accepted(devices.from_member(registration.member_id, request.door.public_url))


async def list_device_registrations(request: Request, core: Core) -> Response:
    """List a user's registrations, newest first."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.REGISTRATIONS_READ)
    query = request.query(schemas.DeviceRegistrationQuery)
    filters = devices.to_filters(query, principal.account_id)
    this = behind(core, query.page_token, filters)
    found = await _device_sets(core, principal, query, paging.to_id(this))
    some = found[: query.page_size]
    page = schemas.DeviceRegistrations(
        device_registrations=devices.from_device_sets(some, request.door.public_url),
        pagination=pagination(core, filters, this, some[-1].member.id if found != some else None),
    )
    return shown(page)


async def get_device_registration(request: Request, core: Core) -> Response:
    """Show one registration."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.REGISTRATIONS_READ)
    member = await _member_in_path(request, core, principal)
    found = await _device_set(core, principal, member)
    return shown(devices.from_device_set(found, request.door.public_url))


async def delete_device_registration(request: Request, core: Core) -> Response:
    """Forget every device of one registration; 202, with its id."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.REGISTRATIONS_WRITE)
    member = await _member_in_path(request, core, principal)
    application, _ = await _app_of(core, principal, member)
    if not await core.registrations.remove_of_member(principal, application, member.id, ids.ORIGIN):
        raise NotFound("member", spell("member", member.id))
    return accepted(devices.from_member(member.id, request.door.public_url))


async def _place_of(
    core: Core, principal: ClientPrincipal, body: schemas.RegisterDevice
) -> tuple[Application, Owner]:
    """Find the App and the user that a body names; without a user, one to be made.

    Raises InvalidRequest naming all that is unknown.
    """
    application = await _app_called(core, principal, body.app_name)
    user = await _user_called(core, principal, body.user_id)
    if application is None or (user is None and body.user_id is not None):
        raise devices.unknown_names(body, is_app_known=application is not None, user=user)
    if user is None:
        return application, core.identity.fresh_user(principal.account_id)
    try:
        return application, await core.identity.member_of(application, user.id)
    except NotFound as error:
        # Gone since it was seen, which is no other answer: this POST knows no 404.
        raise devices.unknown_names(body, is_app_known=True, user=None) from error


async def _app_called(core: Core, principal: ClientPrincipal, name: str) -> Application | None:
    application_id = await core.aliases.find(ids.APP_ALIAS, principal.account_id, name)
    if application_id is not None:
        with suppress(NotFound):
            return await core.applications.seen_by(principal, spell("application", application_id))
    return None


async def _user_called(core: Core, principal: ClientPrincipal, name: str | None) -> User | None:
    user_id = ids.to_user_id(name or "")
    if user_id is not None:
        with suppress(NotFound):
            return await core.identity.user(principal.account_id, user_id)
    return None


async def _member_in_path(request: Request, core: Core, principal: ClientPrincipal) -> Member:
    """Find the membership whose id the path spells; raises NotFound."""
    member_id = ids.to_member_id(request.path_params["device_registration_id"])
    return await core.identity.member(principal.account_id, member_id)


async def _app_of(
    core: Core, principal: ClientPrincipal, member: Member
) -> tuple[Application, str]:
    """Answer a membership's application, and its name as an App.

    Raises NotFound where it isn't the caller's, or has no such name.
    """
    spelled = spell("application", member.application_id)
    application = await core.applications.seen_by(principal, spelled)
    name = await core.aliases.of(ids.APP_ALIAS, principal.account_id, application.id)
    if name is None:
        raise NotFound("member", spell("member", member.id))
    return application, name


async def _device_set(core: Core, principal: ClientPrincipal, member: Member) -> devices.DeviceSet:
    """Read a membership's devices; raises NotFound where there are none."""
    application, name = await _app_of(core, principal, member)
    wanted = RegistrationFilter(member_id=member.id)
    page = await core.registrations.find(
        principal, application, wanted, after=None, limit=devices.MAX_SHOWN
    )
    listed = devices.to_devices(page.items)
    if not listed:
        raise NotFound("member", spell("member", member.id))
    return devices.DeviceSet(member, name, listed)


async def _device_sets(
    core: Core,
    principal: ClientPrincipal,
    query: schemas.DeviceRegistrationQuery,
    before: Id | None,
) -> Sequence[devices.DeviceSet]:
    """Read a page of a user's registrations, and one more if there is one."""
    user_id = ids.to_user_id(query.user_id)
    if user_id is None:
        return ()
    members = await core.identity.members_of(principal.account_id, user_id)
    if query.app_name is not None:
        wanted = await core.aliases.find(ids.APP_ALIAS, principal.account_id, query.app_name)
        members = [member for member in members if member.application_id == wanted]
    found: list[devices.DeviceSet] = []
    for member in devices.newest_first(members, before):
        with suppress(NotFound):
            found.append(await _device_set(core, principal, member))
        if len(found) > query.page_size:
            break
    return found


ROUTES = (
    Route(
        "POST",
        "/v1/PushNotifications/DeviceRegistrations",
        register_device,
        source=f"{PAGE}#register",
        summary="Register a device",
        body=schemas.RegisterDevice,
        answers={202: NamedResource},
    ),
    Route(
        "GET",
        "/v1/PushNotifications/DeviceRegistrations",
        list_device_registrations,
        source=f"{PAGE}#list",
        summary="List a user's device registrations",
        query=schemas.DeviceRegistrationQuery,
        answers={200: schemas.DeviceRegistrations},
    ),
    Route(
        "GET",
        "/v1/PushNotifications/DeviceRegistrations/{device_registration_id}",
        get_device_registration,
        source=f"{PAGE}#fetch",
        summary="Show a device registration",
        answers={200: schemas.DeviceRegistration},
    ),
    Route(
        "DELETE",
        "/v1/PushNotifications/DeviceRegistrations/{device_registration_id}",
        delete_device_registration,
        source=f"{PAGE}#delete",
        summary="Delete a device registration",
        answers={202: NamedResource},
    ),
)
