"""What a batch comes to before anything is sent: its targets sorted by message. Pure.

Source: docs/providers/apns.md, "Request".
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from heliograph.core.ids import delivery_uuid
from heliograph.core.model.application import ApnsCredential
from heliograph.core.model.audience import AddressForm
from heliograph.core.model.outcome import Rejected
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.ports import Preview
from heliograph.providers.apns.overrides import NO_OVERRIDES, BadOverride, read_overrides
from heliograph.providers.apns.request import (
    App,
    Message,
    broadcast_request,
    build_message,
    bundle_id_of,
    device_request,
)
from heliograph.providers.apns.settings import LARGEST_EXPIRATION_S

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.model.audience import Address
    from heliograph.core.model.delivery import Target
    from heliograph.core.model.notification import Content, Options
    from heliograph.core.ports import Batch
    from heliograph.outbound.http2.messages import Request
    from heliograph.outbound.http2.sender import Origin

_HIDDEN: Final = "…"
_CREATED_BYTES: Final = 6
_ANY_APP: Final = App(None, "com.example")
_is_channel_id: Final = re.compile(r"[A-Za-z0-9+/_-]{1,1024}={0,2}").fullmatch


class Part(NamedTuple):
    """The targets of one message, by their positions in the batch."""

    environment: Environment
    message: Message
    positions: list[int]


def parts_of(batch: Batch, default_bundle_id: str | None) -> list[Part]:
    """Render once for each environment, app and form of address."""
    overrides, problem = NO_OVERRIDES, None
    try:
        overrides = read_overrides(batch.content.overrides.get(ProviderName.APNS))
    except BadOverride as error:
        problem = Rejected(str(error))
    parts = []
    for (environment, own, form), positions in _variants(batch).items():
        message = build_message(
            batch.content,
            batch.options,
            app=App(own, default_bundle_id),
            expires_at=batch.expires_at,
            created_s=_created_s(batch.notification_id),
            form=form,
            has_key=isinstance(batch.credential.secret, ApnsCredential),
            overrides=overrides,
        )
        if problem is not None:
            message = message.refused(problem)
        parts.append(Part(environment, message, positions))
    return parts


def check_content(content: Content, options: Options, *, starts_at: datetime) -> str | None:
    """Say what is wrong with Apple's own words, whichever device they are for."""
    try:
        overrides = read_overrides(content.overrides.get(ProviderName.APNS))
    except BadOverride as error:
        return str(error)
    if 0 < (overrides.expiration or LARGEST_EXPIRATION_S) < starts_at.timestamp():
        return "BadExpirationDate: apns-expiration is over before it starts"
    # A broadcast channel wants another push type than a device, so either may be meant.
    found = [
        build_message(
            content,
            options,
            app=_ANY_APP,
            expires_at=starts_at + timedelta(seconds=options.ttl_s),
            form=form,
            overrides=overrides,
        )
        for form in (AddressForm.TOKEN, AddressForm.CHANNEL)
    ]
    if any(each.problem is None or len(each.body) > each.limit_bytes for each in found):
        return None
    return _text_of(found[0])


def check_target(address: Address) -> str | None:
    """Complete "must be …" for what can't be a channel; devices' tokens are Apple's to judge."""
    if address.form is AddressForm.CHANNEL and not _is_channel_id(address.token):
        return "a channel's id in Base64"
    return None


def requests_of(batch: Batch, message: Message, positions: list[int]) -> list[Request]:
    """Address a message to the targets at these positions."""
    notification_id, targets = batch.notification_id, batch.targets
    chosen = [targets[position] for position in positions]
    if message.is_broadcast:
        return [
            broadcast_request(message, target.token, delivery_uuid(notification_id, target.id))
            for target in chosen
        ]
    return [
        device_request(message, target.token, delivery_uuid(notification_id, target.id))
        for target in chosen
    ]


def previews_of(
    batch: Batch,
    parts: list[Part],
    origins: Mapping[tuple[Environment, bool], Origin],
    *,
    problem: str | None,
) -> list[Preview]:
    """Show what each target would be sent; problem: what is wrong with the credential."""
    previews: dict[int, Preview] = {}
    secret: tuple[tuple[str, str], ...] = ()
    if isinstance(batch.credential.secret, ApnsCredential):
        secret = (("authorization", _HIDDEN),)
    for environment, message, positions in parts:
        host = origins[environment, message.is_broadcast].authority.decode("ascii")
        shared = tuple((name.decode(), value.decode()) for name, value in message.headers)
        found = problem
        if message.problem is not None:
            found = _text_of(message)
        requests = requests_of(batch, message, positions)
        for position, request in zip(positions, requests, strict=True):
            own = tuple((name.decode(), value.decode()) for name, value in request.headers)
            previews[position] = Preview(
                method="POST",
                host=host,
                path=request.path.decode("ascii"),
                headers=(*shared, *own, *secret),
                body=message.body,
                size_bytes=len(message.body),
                limit_bytes=message.limit_bytes,
                problem=found,
            )
    return [previews[position] for position in range(len(batch.targets))]


def _text_of(message: Message) -> str:
    problem = message.problem
    return problem.reason if isinstance(problem, Rejected) else getattr(problem, "detail", "")


def _variants(batch: Batch) -> dict[tuple[Environment, str | None, AddressForm], list[int]]:
    """Sort the targets by what their requests have in common."""
    default = batch.credential.environment
    variants: dict[tuple[Environment, str | None, AddressForm], list[int]] = {}
    # Many registrations share their attributes' text, so each text is read once.
    known: dict[tuple[Environment | None, str, AddressForm], list[int]] = {}
    for position, target in enumerate(batch.targets):
        key = (target.environment, target.attributes, target.form)
        positions = known.get(key)
        if positions is None:
            positions = known[key] = variants.setdefault(_variant_of(target, default), [])
        positions.append(position)
    return variants


def _variant_of(
    target: Target, default: Environment
) -> tuple[Environment, str | None, AddressForm]:
    return target.environment or default, bundle_id_of(target.attributes), target.form


def _created_s(notification_id: bytes) -> int:
    """Read a notification's time out of its UUIDv7: Unix seconds."""
    return int.from_bytes(notification_id[:_CREATED_BYTES], "big") // 1000
