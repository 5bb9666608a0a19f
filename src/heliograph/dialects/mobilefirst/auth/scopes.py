"""Scope elements: what a client may ask for, and what an operation needs.

Source: docs/dialects/mobilefirst.md, "Scopes".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliograph.core.model.identity import ALL_SCOPES, Scope

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from heliograph.core.model.identity import ApiClient

DEFAULT = "RegisteredClient"
"""What a client gets that asks for nothing: it opens no push operation."""

EVERYTHING = "*"
MOBILE_CLIENT = "push.mobileclient"
APPLICATION_PREFIX = "push.application."
EVERY_APPLICATION = APPLICATION_PREFIX + EVERYTHING


@dataclass(frozen=True, slots=True)
class Operation:
    """What one operation needs beside `push.application.<id>`.

    or_scopes: elements that open it as well. is_for_mobile: so does
    `push.mobileclient`.
    """

    scope: str
    or_scopes: tuple[str, ...] = ()
    is_for_mobile: bool = False


# An early edition of the reference prints `devices.write` on all the operations that it
# details, reads included. Later ones correct that; clients built by the early one go on.
_EARLY = ("devices.write",)

DEVICES_READ = Operation("devices.read", _EARLY, is_for_mobile=True)
DEVICES_WRITE = Operation("devices.write", is_for_mobile=True)
SUBSCRIPTIONS_READ = Operation("subscriptions.read", _EARLY, is_for_mobile=True)
SUBSCRIPTIONS_WRITE = Operation("subscriptions.write", _EARLY, is_for_mobile=True)
SUBSCRIPTIONS_DELETE_BY_NAME = Operation("subscriptions.write", is_for_mobile=True)
TAGS_LIST = Operation("tags.read", is_for_mobile=True)
TAG_READ = Operation("tags.read", _EARLY, is_for_mobile=True)
TAG_WRITE = Operation("tags.write")
TAG_DELETE = Operation("tags.write", _EARLY)
APPS_READ = Operation("apps.read")
APPS_WRITE = Operation("apps.write")
SETTINGS_READ = Operation("settings.read")
APNS_READ = Operation("apnsConf.read")
APNS_WRITE = Operation("apnsConf.write")
APNS_FILE_READ = Operation("apnsCert.read")
GCM_READ = Operation("gcmConf.read")
GCM_WRITE = Operation("gcmConf.write")
# Two editions of the reference print another settings' scope on this one.
GCM_PUT = Operation("gcmConf.write", ("apnsConf.write",))
GCM_PUBLIC_READ = Operation("gcmConfPublic.read", is_for_mobile=True)
WNS_READ = Operation("wnsConf.read")
WNS_WRITE = Operation("wnsConf.write")
SMS_READ = Operation("smsConf.read")
SMS_WRITE = Operation("smsConf.write")
WEBHOOKS_READ = Operation("webhooks.read")
WEBHOOKS_WRITE = Operation("webhooks.write")
MESSAGE_READ = Operation("messages.read")
MESSAGE_WRITE = Operation("messages.write")
# What a device tells of a message, it tells in its own name.
MESSAGE_STATUS = Operation("devices.write", is_for_mobile=True)

_RIGHTS: Mapping[str, Scope] = {
    "devices.read": Scope.REGISTRATIONS_READ,
    "subscriptions.read": Scope.REGISTRATIONS_READ,
    "tags.read": Scope.REGISTRATIONS_READ,
    "devices.write": Scope.REGISTRATIONS_WRITE,
    "subscriptions.write": Scope.REGISTRATIONS_WRITE,
    "tags.write": Scope.REGISTRATIONS_WRITE,
    "messages.read": Scope.NOTIFICATIONS_READ,
    "messages.write": Scope.NOTIFICATIONS_SEND,
    "apps.read": Scope.APPLICATIONS_READ,
    "settings.read": Scope.APPLICATIONS_READ,
    "apnsConf.read": Scope.APPLICATIONS_READ,
    "apnsCert.read": Scope.APPLICATIONS_READ,
    "gcmConf.read": Scope.APPLICATIONS_READ,
    "gcmConfPublic.read": Scope.APPLICATIONS_READ,
    "wnsConf.read": Scope.APPLICATIONS_READ,
    "smsConf.read": Scope.APPLICATIONS_READ,
    "webhooks.read": Scope.APPLICATIONS_READ,
    "apps.write": Scope.APPLICATIONS_WRITE,
    "apnsConf.write": Scope.APPLICATIONS_WRITE,
    "gcmConf.write": Scope.APPLICATIONS_WRITE,
    "wnsConf.write": Scope.APPLICATIONS_WRITE,
    "smsConf.write": Scope.APPLICATIONS_WRITE,
    "webhooks.write": Scope.APPLICATIONS_WRITE,
}
"""The right that a client must have to be granted an element."""

READ_SETTINGS = Scope.APPLICATIONS_READ
"""The right to read what an application is set up with."""

_OF_A_DEVICE = frozenset({Scope.REGISTRATIONS_READ, Scope.REGISTRATIONS_WRITE})

_OPENED_BESIDE: Mapping[Scope, frozenset[Scope]] = {
    # A write finds first what it changes and answers what it made of it.
    Scope.REGISTRATIONS_WRITE: frozenset({Scope.REGISTRATIONS_READ}),
    Scope.NOTIFICATIONS_SEND: frozenset({Scope.NOTIFICATIONS_READ}),
    Scope.APPLICATIONS_WRITE: frozenset({Scope.APPLICATIONS_READ}),
}


def may_have(client: ApiClient, element: str) -> bool:
    """Say whether a client may be granted an element that names no application.

    Every application together counts as none: only a client that is bound to
    none may have that.
    """
    if element == DEFAULT:
        return True
    if element == EVERY_APPLICATION:
        return client.application_id is None
    if element == MOBILE_CLIENT:
        return client.scopes >= _OF_A_DEVICE
    if element in _RIGHTS:
        return _RIGHTS[element] in client.scopes
    # Elements that we do not know of, and the one for everything, belong to whoever may all.
    return client.scopes >= ALL_SCOPES and client.application_id is None


def rights_of(elements: Collection[str]) -> frozenset[Scope]:
    """Say which rights of the core a token's elements open."""
    if EVERYTHING in elements:
        return ALL_SCOPES
    opened = {_RIGHTS[element] for element in elements if element in _RIGHTS}
    beside = [_OPENED_BESIDE.get(right, frozenset()) for right in opened]
    of_mobile = _OF_A_DEVICE if MOBILE_CLIENT in elements else frozenset()
    return frozenset(opened).union(of_mobile, *beside)


def opens(
    elements: Collection[str], operation: Operation, application: str, *, is_own: bool
) -> bool:
    """Say whether a token's elements open an operation in the application of this name.

    is_own: the token's client is bound to that application.
    """
    if EVERYTHING in elements:
        return True
    is_mobile = operation.is_for_mobile and MOBILE_CLIENT in elements
    has_operation = is_mobile or any(
        scope in elements for scope in (operation.scope, *operation.or_scopes)
    )
    has_application = (
        APPLICATION_PREFIX + application in elements
        or EVERY_APPLICATION in elements
        or (is_mobile and is_own)
    )
    return has_operation and has_application


def covers(elements: Collection[str], application: str) -> bool:
    """Say whether a token's elements name an application, or all of them."""
    named = (EVERYTHING, EVERY_APPLICATION, APPLICATION_PREFIX + application)
    return any(each in elements for each in named)


def needed_for(operation: Operation, application: str) -> str:
    """Spell what an operation needs, as `WWW-Authenticate` tells it."""
    return f"{operation.scope} {APPLICATION_PREFIX}{application}"
