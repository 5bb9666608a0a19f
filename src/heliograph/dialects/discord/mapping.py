"""Discord's words to the core's: providers, people, and the form of sync tokens."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from heliograph.core import access
from heliograph.core.model.registration import (
    Attribute,
    Claim,
    Draft,
    Environment,
    ProviderName,
    Slot,
    TokenKind,
)
from heliograph.dialects.discord.schemas import (
    AuthSession,
    AuthSessions,
    CurrentUser,
    Described,
    Device,
    LoggedIn,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Login, Session, SessionPrincipal
    from heliograph.core.model.registration import MemberKey, Registration
    from heliograph.dialects.discord.schemas import (
        LogOut,
        NewDevice,
        Profile,
        SessionsLogOut,
        Synchronization,
    )

ORIGIN = "discord"

PROVIDER_WORD = "discord_provider"
"""The attribute that keeps Discord's own word, of which several mean one provider."""

BYPASS_FLAG = "bypass_server_throttling_supported"
"""The attribute that keeps the flag; nothing here throttles by it."""

SECTION = "discord"
SYNC = "sync"
SYNC_ADDS = "add"
"""Where an application says that synchronizing only adds."""

_TIME_BYTES = 4
MAC_BYTES = 20

_SYNC_TOKEN = re.compile(
    r"(?P<signed>(?P<user>[A-Za-z0-9_-]{1,32})\.(?P<time>[A-Za-z0-9_-]{6}))"
    r"\.(?P<mac>[A-Za-z0-9_-]{27})"
)


class _Meaning(NamedTuple):
    provider: ProviderName
    kind: TokenKind = TokenKind.ALERT
    environment: Environment | None = None


_APNS = _Meaning(ProviderName.APNS)
_FCM = _Meaning(ProviderName.FCM)

_MEANINGS = {
    "gcm": _FCM,
    # The headset's builds of the Android app.
    "meta_horizon": _FCM,
    "apns": _APNS,
    # The in-house build is signed for distribution, so its tokens are production's.
    "apns_internal": _APNS._replace(environment=Environment.PRODUCTION),
    "apns_local": _APNS._replace(environment=Environment.SANDBOX),
}
_VOIP_SIBLINGS = {word: f"{word}_voip" for word in _MEANINGS if word.startswith("apns")}
_MEANINGS |= {
    sibling: _MEANINGS[word]._replace(kind=TokenKind.VOIP)
    for word, sibling in _VOIP_SIBLINGS.items()
}


class Place(NamedTuple):
    """Where a user's registration of a token stands."""

    slot: Slot
    provider: ProviderName
    token: str


class Leave(NamedTuple):
    """Whom a sync token lets others register a device for, and how often they revoked theirs."""

    owner: MemberKey
    number: int


@dataclass(frozen=True, slots=True)
class ReadSyncToken:
    """What a sync token says, its MAC not yet compared."""

    snowflake: str
    issued_at: datetime
    signed: bytes
    mac: bytes


def to_drafts(body: NewDevice, principal: SessionPrincipal, *, now: datetime) -> list[Draft]:
    """Turn a device into the caller's registrations: one, or two with a PushKit token."""
    owner = access.member_of(principal)
    drafts = [_to_draft(body, body.provider, body.token, principal, owner, now)]
    if body.voip_provider is not None and body.voip_token is not None:
        drafts.append(_to_draft(body, body.voip_provider, body.voip_token, principal, owner, now))
    return drafts


def to_sync_drafts(
    body: Synchronization,
    principal: SessionPrincipal,
    listed: Iterable[Leave],
    *,
    now: datetime,
) -> list[Draft]:
    """Turn a device into a registration of the caller's and one of each other listed user's."""
    caller = access.member_of(principal)
    leaves = {leave.owner.member_id: leave for leave in listed}
    owners = {member_id: leave.owner for member_id, leave in leaves.items()}
    owners[caller.member_id] = caller
    # The caller's own leave is their session.
    leaves.pop(caller.member_id, None)
    return [
        _to_draft(body, body.provider, body.token, principal, owner, now)._replace(
            leave=leaves[member_id].number if member_id in leaves else None
        )
        for member_id, owner in owners.items()
    ]


def invalid_of(
    body: Synchronization, leaves: Mapping[str, Leave | None], made: Iterable[Registration]
) -> tuple[str, ...]:
    """List the sync tokens that nobody has the device by, as often and in the order they came."""
    registered = {registration.member_id for registration in made}
    valid = {
        token
        for token, leave in leaves.items()
        if leave is not None and leave.owner.member_id in registered
    }
    return tuple(token for token in body.push_sync_tokens if token not in valid)


def to_places(body: Device) -> list[Place]:
    """Say where to look for a registration to forget, one place after the other.

    Clients name the plain provider even for a PushKit token.
    Source: docs/dialects/discord.md, "Unregister".
    """
    words = [body.provider, _VOIP_SIBLINGS.get(body.provider)]
    meanings = [_MEANINGS[word] for word in words if word is not None]
    return [Place(_to_slot(meaning), meaning.provider, body.token) for meaning in meanings]


def to_logout_places(body: LogOut) -> list[Place]:
    """Say where the registrations of a device stand that is logged out with."""
    pairs = ((body.provider, body.token), (body.voip_provider, body.voip_token))
    return [
        place
        for provider, token in pairs
        if provider is not None and token is not None
        for place in to_places(Device(provider=provider, token=token))
    ]


def to_profile_drafts(body: Profile, principal: SessionPrincipal, *, now: datetime) -> list[Draft]:
    """Turn the push fields of a changed profile into registrations of the caller's."""
    owner = access.member_of(principal)
    pairs = (
        (body.push_provider, body.push_token),
        (body.push_voip_provider, body.push_voip_token),
    )
    return [
        _to_draft(Described(), provider, token, principal, owner, now)
        for provider, token in pairs
        if provider is not None and token is not None
    ]


def is_exact(application: Application) -> bool:
    """Say whether synchronizing takes a token from users who are not listed.

    Source: docs/dialects/discord.md, "Synchronize".
    """
    kept: Any = application.settings.get(SECTION, {})
    return bool(kept.get(SYNC) != SYNC_ADDS)


def to_session_ids(body: SessionsLogOut, own: Iterable[Session]) -> list[Id]:
    """Find the caller's sessions that hashes stand for; what is nobody's is left out."""
    wanted = set(body.session_id_hashes)
    return [session.id for session in own if _hash_of(session) in wanted]


def from_sessions(own: Iterable[Session]) -> AuthSessions:
    """Show the caller's sessions; what their devices are is not known."""
    return AuthSessions(
        user_sessions=tuple(
            AuthSession(id_hash=_hash_of(session), approx_last_used_time=session.created)
            for session in own
        )
    )


def from_log_in(snowflake: str, token: str) -> LoggedIn:
    """Show who signed in, and the login token."""
    return LoggedIn(user_id=snowflake, token=token)


def from_user(
    snowflake: str, session: Session, login: Login | None, token: str | None = None
) -> CurrentUser:
    """Show the caller. token: the login token that counts from now on."""
    return CurrentUser(
        id=snowflake,
        username=session.external_user_id or snowflake,
        email=None if login is None else login.name,
        token=token,
    )


def to_signed_part(snowflake: str, now: datetime) -> str:
    """Spell the first two parts of a sync token: whose it is and since when."""
    issued_s = int(now.timestamp()).to_bytes(_TIME_BYTES, "big")
    return f"{_spell(snowflake.encode())}.{_spell(issued_s)}"


def from_sync_token(signed: str, mac: bytes) -> str:
    """Spell a sync token from its signed part and the MAC over it."""
    return f"{signed}.{_spell(mac[:MAC_BYTES])}"


def to_sync_token(text: str) -> ReadSyncToken | None:
    """Read a sync token; None for what does not have the form of one."""
    found = _SYNC_TOKEN.fullmatch(text)
    if found is None:
        return None
    try:
        snowflake = _read(found["user"]).decode("ascii")
        issued_s = int.from_bytes(_read(found["time"]), "big")
        mac = _read(found["mac"])
    except ValueError:
        return None
    # Base64 has several spellings of the same bytes; we made only one. And not
    # every text can be looked for in every database.
    if _spell(mac) != found["mac"] or not snowflake.isdecimal():
        return None
    issued_at = datetime.fromtimestamp(issued_s, UTC)
    return ReadSyncToken(snowflake, issued_at, found["signed"].encode(), mac)


def _to_draft(
    body: Described,
    word: str,
    token: str,
    principal: SessionPrincipal,
    owner: MemberKey,
    now: datetime,
) -> Draft:
    session = principal.session
    is_caller = owner.member_id == session.member_id
    meaning = _MEANINGS[word]
    attributes: dict[str, Any] = {
        PROVIDER_WORD: word,
        BYPASS_FLAG: body.bypass_server_throttling_supported,
    }
    if body.bundle_id is not None:
        attributes[Attribute.BUNDLE_ID] = body.bundle_id
    return Draft(
        application_id=session.application_id,
        slot=_to_slot(meaning),
        provider=meaning.provider,
        token=token,
        arrived_at=now,
        origin=ORIGIN,
        # One phone, several accounts: each keeps its own until it is taken off.
        claim=Claim.SHARED,
        kind=meaning.kind,
        owner=owner,
        # The caller's session says nothing about the other accounts' logouts.
        session_id=session.id if is_caller else None,
        keeps_session=not is_caller,
        environment=meaning.environment,
        attributes=attributes,
        silent_after=session.silent_after if is_caller else None,
        silent_with_session=is_caller,
    )


def _hash_of(session: Session) -> str:
    """Name a session without telling its id."""
    return base64.b64encode(hashlib.sha256(session.id).digest()).decode()


def _to_slot(meaning: _Meaning) -> Slot:
    return Slot(by_user=True, by_token=True, kind=meaning.kind)


def _spell(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(letters: str) -> bytes:
    return base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
