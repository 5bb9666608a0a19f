"""Use cases of issuers: whose signed tokens an application believes, and what those prove.

Source: docs/decisions/0025-issuers.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from heliograph.core import access
from heliograph.core.cache import TtlCache
from heliograph.core.errors import Conflict, InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.identity.identity import is_user_id, secret_hash
from heliograph.core.identity.key_cache import KeyCache
from heliograph.core.ids import Id, letters_of, new_id, spell
from heliograph.core.model.identity import Scope, Session, SessionForm, SessionPrincipal
from heliograph.core.model.issuer import Issuer, KeyAlgorithm, TrustedKey
from heliograph.core.registrations.tokens import has_control_characters
from heliograph.core.stores.issuers import TokenFault, TokenRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.identity.identity import Identity
    from heliograph.core.identity.nonces import Nonces
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.ports import Clock
    from heliograph.core.stores.issuers import IssuerStore, KeySets, TokenReader

LEEWAY = timedelta(seconds=60)
"""How far the clocks of an issuer and of this server may differ."""

MAX_ISSUERS = 20
MAX_KEYS = 20
MAX_NAME_CHARS = 512
MAX_KEY_ID_CHARS = 256

FORMS = (SessionForm.NATIVE, SessionForm.LAYER)
"""The doors that signed tokens open."""

_LATEST_S = 253_402_300_799
"""The last second of the year 9999: datetime knows no later one."""


@dataclass(frozen=True, slots=True)
class IssuerDraft:
    """An issuer as asked for. keys: (key id, algorithm, PEM). audience: None takes the default."""

    form: SessionForm
    name: str
    audience: str | None = None
    keys: tuple[tuple[str, KeyAlgorithm, str], ...] = ()
    jwks_url: str | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What a token says that an issuer signed and that holds now."""

    issuer: Issuer
    claims: Mapping[str, Any]
    expires_at: datetime


class Issuers:
    """Keeps issuers, and says what their tokens prove."""

    def __init__(
        self,
        store: IssuerStore,
        reader: TokenReader,
        key_sets: KeySets,
        identity: Identity,
        nonces: Nonces,
        clock: Clock,
        cache_ttl_s: float,
    ) -> None:
        self._store = store
        self._reader = reader
        self._key_sets = key_sets
        self._identity = identity
        self._nonces = nonces
        self._clock = clock
        self._remote = KeyCache(key_sets, reader, clock.monotonic)
        self._issuers: TtlCache[Id, Sequence[Issuer]] = TtlCache(
            clock.monotonic, size=10_000, ttl_s=cache_ttl_s
        )
        self._principals: TtlCache[tuple[Id, bytes], tuple[SessionPrincipal, str]] = TtlCache(
            clock.monotonic, size=100_000, ttl_s=cache_ttl_s
        )

    async def add(
        self, principal: Principal, application: Application, draft: IssuerDraft
    ) -> Issuer:
        """Trust an issuer from now on.

        Raises NotPermitted, InvalidRequest naming every problem, Conflict for
        one that is trusted already.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        present = await self._store.issuers(application.id)
        if len(present) >= MAX_ISSUERS:
            expected = f"one of at most {MAX_ISSUERS} of an application"
            raise InvalidRequest([Problem(("issuer",), ProblemKind.TOO_MANY, expected)])
        issuer = self._checked(application, draft, new_id(self._clock.now()))
        if not await self._store.add_issuer(issuer):
            raise Conflict("issuer", issuer.name)
        self._forget(application.id)
        return issuer

    async def replace(
        self, principal: Principal, application: Application, issuer_id: Id, draft: IssuerDraft
    ) -> Issuer:
        """Change an issuer's keys, URL and audience; raises as `add`, and NotFound.

        Its form and name are what it is: a draft with others is refused.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        present = await self.get(principal, application, issuer_id)
        issuer = self._checked(application, draft, issuer_id)
        problems = [
            Problem((field,), ProblemKind.NOT_ALLOWED, f"{was}, as it is")
            for field, was, wanted in (
                ("form", present.form, issuer.form),
                ("issuer", present.name, issuer.name),
            )
            if was != wanted
        ]
        if problems:
            raise InvalidRequest(problems)
        issuer = replace(issuer, created=present.created)
        if not await self._store.replace_issuer(issuer):
            raise NotFound("issuer", spell("issuer", issuer_id))
        self._forget(application.id)
        return issuer

    async def all_of(self, principal: Principal, application: Application) -> Sequence[Issuer]:
        """List whom an application trusts, by age."""
        access.require(principal, Scope.APPLICATIONS_READ, application)
        return await self._store.issuers(application.id)

    async def get(self, principal: Principal, application: Application, issuer_id: Id) -> Issuer:
        """Find one; raises NotFound."""
        for issuer in await self.all_of(principal, application):
            if issuer.id == issuer_id:
                return issuer
        raise NotFound("issuer", spell("issuer", issuer_id))

    async def remove(self, principal: Principal, application: Application, issuer_id: Id) -> None:
        """Trust an issuer no more; other nodes follow within `security.cache_ttl_s`.

        What was registered on its word stays. Raises NotFound.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        if not await self._store.remove_issuer(application.id, issuer_id):
            raise NotFound("issuer", spell("issuer", issuer_id))
        self._forget(application.id)

    async def verified(self, application: Application, form: SessionForm, text: str) -> Verified:
        """Say what a token proves; raises TokenRefused, Unavailable."""
        token = self._reader.read(text)
        name = token.claims.get("iss")
        known = await self._known(application.id)
        issuer = next((each for each in known if (each.form, each.name) == (form, name)), None)
        if issuer is None:
            raise TokenRefused(TokenFault.ISSUER)
        key = await self._key_of(issuer, token.key_id)
        if token.algorithm != key.algorithm:
            raise TokenRefused(TokenFault.ALGORITHM)
        self._reader.verify(text, key)
        fault = fault_of(
            token.claims,
            issuer.audience,
            requires_iat=form is SessionForm.LAYER,
            now=self._clock.now(),
        )
        if fault is not None:
            raise TokenRefused(fault)
        expires_s = min(float(token.claims["exp"]), _LATEST_S)
        return Verified(issuer, token.claims, datetime.fromtimestamp(expires_s, UTC))

    async def principal(self, application: Application, text: str) -> SessionPrincipal:
        """Say whose device calls with a token in place of a session: `sub` is the user's id.

        A user has one standing session per issuer, made at first sight: what
        is registered on an issuer's word can so be ended like any other.
        Raises TokenRefused, Suspended, Unavailable.
        """
        place = (application.id, secret_hash(text))
        known = self._principals.get(place)
        if known is not None:
            principal, mark = known
            is_young = principal.session.expires_at > self._clock.now() - LEEWAY
            if is_young and self._identity.is_standing(mark, principal.session.id):
                return principal
        verified = await self.verified(application, SessionForm.NATIVE, text)
        user_id = verified.claims.get("sub")
        if not isinstance(user_id, str) or not is_user_id(user_id):
            raise TokenRefused(TokenFault.SUBJECT)
        mark = f"issuer:{letters_of(verified.issuer.id)}:{user_id}"
        session = await self._identity.standing_session(
            application, user_id, SessionForm.NATIVE, mark
        )
        principal = SessionPrincipal(replace(session, expires_at=verified.expires_at))
        self._principals.put(place, (principal, mark))
        return principal

    async def sign_in(
        self,
        application: Application,
        form: SessionForm,
        user_id: object,
        nonce: object,
        ttl: timedelta | None,
    ) -> tuple[Session, str]:
        """Open a session for whom a verified token names, by the nonce it was made with.

        Raises TokenRefused, Suspended.
        """
        if not isinstance(user_id, str) or not is_user_id(user_id):
            raise TokenRefused(TokenFault.SUBJECT)
        if not isinstance(nonce, str) or not await self._nonces.spend(nonce):
            raise TokenRefused(TokenFault.NONCE)
        return await self._identity.create_session(application, user_id, form, ttl)

    async def _known(self, application_id: Id) -> Sequence[Issuer]:
        known = self._issuers.get(application_id)
        if known is None:
            known = await self._store.issuers(application_id)
            self._issuers.put(application_id, known)
        return known

    async def _key_of(self, issuer: Issuer, key_id: str | None) -> TrustedKey:
        """Find the key that a token names; one that names none has but one to mean."""
        keys = list(issuer.keys)
        if issuer.jwks_url is not None and not any(key.key_id == key_id for key in keys):
            keys += await self._remote.keys(issuer.jwks_url, key_id)
        fitting = [key for key in keys if key_id is None or key.key_id == key_id]
        if not fitting or (key_id is None and len(fitting) > 1):
            raise TokenRefused(TokenFault.KEY)
        return fitting[0]

    def _forget(self, application_id: Id) -> None:
        self._issuers.forget(application_id)
        self._principals.clear()

    def _checked(self, application: Application, draft: IssuerDraft, issuer_id: Id) -> Issuer:
        """Read a draft; raises InvalidRequest naming every problem."""
        problems = [*_problems_of(draft)]
        keys = []
        for place, (key_id, algorithm, pem) in enumerate(draft.keys[:MAX_KEYS]):
            try:
                keys.append(self._reader.check_key(key_id, algorithm, pem))
            except InvalidRequest as error:
                problems += [
                    Problem(("keys", place, *each.path), each.kind, each.expected)
                    for each in error.problems
                ]
        url = draft.jwks_url
        if url is not None:
            try:
                url = self._key_sets.check_url(url)
            except InvalidRequest as error:
                problems += error.problems
        if problems:
            raise InvalidRequest(problems)
        audience = draft.audience
        if audience is None and draft.form is SessionForm.NATIVE:
            audience = spell("application", application.id)
        return Issuer(
            id=issuer_id,
            application_id=application.id,
            form=draft.form,
            name=draft.name,
            created=self._clock.now(),
            audience=audience,
            keys=tuple(keys),
            jwks_url=url,
        )


def fault_of(
    claims: Mapping[str, Any], audience: str | None, *, requires_iat: bool, now: datetime
) -> TokenFault | None:
    """Say why claims don't hold now; None if they do. `exp` is required, `nbf` is not.

    Source: RFC 7519 section 4.1.
    """
    now_s, leeway_s = now.timestamp(), LEEWAY.total_seconds()
    expires_s = _seconds_of(claims.get("exp"))
    if expires_s is None or expires_s <= now_s - leeway_s:
        return TokenFault.EXPIRED
    for name in ("iat", "nbf"):
        if name in claims or (requires_iat and name == "iat"):
            start_s = _seconds_of(claims.get(name))
            if start_s is None or start_s > now_s + leeway_s:
                return TokenFault.EARLY
    meant = claims.get("aud")
    if audience is not None and audience not in (meant if isinstance(meant, list) else [meant]):
        return TokenFault.AUDIENCE
    return None


def _seconds_of(value: object) -> float | None:
    """Read a NumericDate; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _problems_of(draft: IssuerDraft) -> list[Problem]:
    found: list[tuple[str, ProblemKind, str]] = []
    if draft.form not in FORMS:
        found.append(("form", ProblemKind.NOT_ALLOWED, " or ".join(FORMS)))
    for field, text in (("issuer", draft.name), ("audience", draft.audience)):
        if text is not None and not _is_line(text, MAX_NAME_CHARS):
            expected = f"1 to {MAX_NAME_CHARS} printable characters"
            found.append((field, ProblemKind.MALFORMED, expected))
    if draft.form is SessionForm.LAYER and draft.audience is not None:
        found.append(("audience", ProblemKind.NOT_ALLOWED, "absent: Layer's tokens have none"))
    if not draft.keys and draft.jwks_url is None:
        found.append(("keys", ProblemKind.MISSING, "present, unless jwks_url is"))
    if len(draft.keys) > MAX_KEYS:
        found.append(("keys", ProblemKind.TOO_MANY, f"at most {MAX_KEYS}"))
    problems = [Problem((field,), kind, expected) for field, kind, expected in found]
    return [*problems, *_key_problems(draft)]


def _key_problems(draft: IssuerDraft) -> list[Problem]:
    problems = []
    seen = set()
    for place, (key_id, algorithm, _) in enumerate(draft.keys[:MAX_KEYS]):
        if not _is_line(key_id, MAX_KEY_ID_CHARS):
            expected = f"1 to {MAX_KEY_ID_CHARS} printable characters"
            problems.append(Problem(("keys", place, "key_id"), ProblemKind.MALFORMED, expected))
        if key_id in seen:
            expected = "one that no other key has"
            problems.append(Problem(("keys", place, "key_id"), ProblemKind.NOT_ALLOWED, expected))
        seen.add(key_id)
        if draft.form is SessionForm.LAYER and algorithm is not KeyAlgorithm.RS256:
            expected = "RS256, the one that Layer's tokens are signed with"
            path = ("keys", place, "algorithm")
            problems.append(Problem(path, ProblemKind.NOT_ALLOWED, expected))
    return problems


def _is_line(text: str, max_chars: int) -> bool:
    return 0 < len(text) <= max_chars and not has_control_characters(text)
