"""Use cases of logins: names and passwords by which users sign in."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import (
    InvalidRequest,
    NotFound,
    Problem,
    ProblemKind,
    WrongLogin,
)
from heliograph.core.ids import Id, new_id, spell
from heliograph.core.model.identity import Login, Scope, SessionForm, SessionPrincipal
from heliograph.core.registrations.tokens import has_control_characters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.identity.identity import Identity
    from heliograph.core.identity.rates import Rates
    from heliograph.core.identity.sessions import Sessions
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal, Session
    from heliograph.core.ports import Clock, PasswordHasher
    from heliograph.core.stores.logins import LoginStore, StoredLogin

MAX_NAME_CHARS = 256
MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = {SessionForm.DISCORD: 72, SessionForm.NAVIXY: 40}
"""What clients of each form can send. Other forms have no logins.

Source: docs/dialects/discord.md, "Log in"; docs/dialects/navixy.md, "Sign in".
"""


class Logins:
    """Makes, changes and forgets logins, and signs their users in."""

    def __init__(
        self,
        store: LoginStore,
        identity: Identity,
        sessions: Sessions,
        passwords: PasswordHasher,
        rates: Rates,
        clock: Clock,
    ) -> None:
        self._store = store
        self._identity = identity
        self._sessions = sessions
        self._passwords = passwords
        self._rates = rates
        self._clock = clock

    async def create(
        self,
        principal: Principal,
        application: Application,
        form: SessionForm,
        name: str,
        password: str,
        user_id: str,
    ) -> Login:
        """Make a login for a user, who is made known at first sight.

        Raises NotPermitted, InvalidRequest naming every problem, and Conflict
        where the name is taken or the user has a login of this form.
        """
        access.require(principal, Scope.SESSIONS_WRITE, application)
        _check(_problems_of_form(form) + _problems_of_name(name) + _problems_of(form, password))
        user = await self._identity.create_user(application, user_id)
        now = self._clock.now()
        login = Login(new_id(now), application.id, form, name, user.id, now, now, user.external_id)
        await self._store.add_login(login, key_of(name), await self._hashed(password))
        return login

    async def get(self, principal: Principal, application: Application, login_id: Id) -> Login:
        """Read one; raises NotFound, NotPermitted."""
        access.require(principal, Scope.SESSIONS_WRITE, application)
        login = await self._store.login(application.id, login_id)
        if login is None:
            raise NotFound("login", spell("login", login_id))
        return login

    async def find(
        self, principal: Principal, application: Application, *, after: Id | None, limit: int
    ) -> Sequence[Login]:
        """List an application's logins by age, behind `after`; raises NotPermitted."""
        access.require(principal, Scope.SESSIONS_WRITE, application)
        return await self._store.logins(application.id, after=after, limit=limit)

    async def change(
        self,
        principal: Principal,
        application: Application,
        login_id: Id,
        *,
        name: str | None = None,
        password: str | None = None,
    ) -> Login:
        """Change a login's name or password; None leaves it.

        A new password ends the user's sign-ins of this form, with all they
        registered. Raises as `create` does, and NotFound.
        """
        login = await self.get(principal, application, login_id)
        _check(
            ([] if name is None else _problems_of_name(name))
            + ([] if password is None else _problems_of(login.form, password))
        )
        changed = replace(login, name=name or login.name, updated=self._clock.now())
        await self._write(changed, password)
        if password is not None:
            await self._sessions.end_all(application, login.user_id, login.form)
        return changed

    async def delete(self, principal: Principal, application: Application, login_id: Id) -> None:
        """Forget a login, and end its user's sign-ins of this form; raises NotFound."""
        login = await self.get(principal, application, login_id)
        if not await self._store.remove_login(application.id, login_id):
            raise NotFound("login", spell("login", login_id))
        await self._sessions.end_all(application, login.user_id, login.form)

    async def sign_in(
        self,
        application: Application,
        form: SessionForm,
        name: str,
        password: str,
        *,
        address: str | None,
    ) -> tuple[Session, str]:
        """Open a session for whoever knows the password.

        address: the caller's. Raises WrongLogin, which says no more and takes
        as long whether or not there is such a login; RateLimited, Suspended,
        and QuotaReached where they have too many sessions already.
        """
        key = key_of(name)
        self._rates.count_login(application.id, form, key, address)
        stored = await self._store.login_by_name(application.id, form, key)
        await self._require_password(stored, password)
        assert stored is not None
        self._rates.forgive(application.id, form, key)
        member = await self._identity.member_of(application, stored.login.user_id)
        await self._sessions.require_room(member, form)
        session, token = await self._identity.open_session(application, member, form)
        now_stored = await self._store.login_by_name(application.id, form, key)
        if now_stored is None or now_stored.password_hash != stored.password_hash:
            # Changed while we compared: what ended all sign-ins missed this one.
            await self._identity.end_session(token, form)
            raise WrongLogin
        if self._passwords.is_outdated(stored.password_hash):
            # Where it has changed since, it is not outdated any more.
            hashed = await self._hashed(password)
            await self._store.change_login(now_stored.login, key, hashed, held=stored.password_hash)
        return session, token

    async def change_own_password(
        self,
        principal: SessionPrincipal,
        application: Application,
        password: str,
        new_password: str,
        *,
        address: str | None,
    ) -> tuple[Session, str]:
        """Change the caller's password; every sign-in ends, and a new one begins.

        Raises WrongLogin, RateLimited, InvalidRequest about `new_password`.
        """
        form, user_id = principal.session.form, principal.session.user_id
        _check(_problems_of(form, new_password, "new_password"))
        stored = await self._store.login_of_user(application.id, form, user_id)
        key = f"user:{user_id.hex()}" if stored is None else key_of(stored.login.name)
        self._rates.count_login(application.id, form, key, address)
        await self._require_password(stored, password)
        assert stored is not None
        self._rates.forgive(application.id, form, key)
        hashed = await self._hashed(new_password)
        changed = replace(stored.login, updated=self._clock.now())
        if not await self._store.change_login(changed, key, hashed, held=stored.password_hash):
            # Another change came first, and the password that was given is none any more.
            raise WrongLogin
        await self._sessions.end_all(application, user_id, form)
        return await self._identity.open_session(application, access.member_of(principal), form)

    async def of_user(
        self, application: Application, form: SessionForm, user_id: Id
    ) -> Login | None:
        """Find a user's login of a form; None without one."""
        stored = await self._store.login_of_user(application.id, form, user_id)
        return None if stored is None else stored.login

    async def _require_password(self, stored: StoredLogin | None, password: str) -> None:
        known = None if stored is None else stored.password_hash
        if not await self._passwords.is_right(_normal(password), known):
            raise WrongLogin

    async def _hashed(self, password: str) -> str:
        return await self._passwords.hash(_normal(password))

    async def _write(self, login: Login, password: str | None) -> None:
        password_hash = None if password is None else await self._hashed(password)
        if not await self._store.change_login(login, key_of(login.name), password_hash):
            raise NotFound("login", spell("login", login.id))


def key_of(name: str) -> str:
    """Spell a name as it is compared: without regard to case, blanks round it and accents' form."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()


def _normal(password: str) -> str:
    # Keyboards differ in how they compose letters. Source: RFC 8265 section 4.2.
    return unicodedata.normalize("NFC", password)


def _problems_of_form(form: SessionForm) -> list[Problem]:
    if form in MAX_PASSWORD_CHARS:
        return []
    expected = f"one of {', '.join(repr(known.value) for known in MAX_PASSWORD_CHARS)}"
    return [Problem(("form",), ProblemKind.NOT_ALLOWED, expected)]


def _problems_of_name(name: str) -> list[Problem]:
    if name.strip() and len(name) <= MAX_NAME_CHARS and not has_control_characters(name):
        return []
    expected = f"1 to {MAX_NAME_CHARS} printable characters"
    return [Problem(("login",), ProblemKind.MALFORMED, expected)]


def _problems_of(form: SessionForm, password: str, path: str = "password") -> list[Problem]:
    longest = MAX_PASSWORD_CHARS.get(form, max(MAX_PASSWORD_CHARS.values()))
    expected = f"{MIN_PASSWORD_CHARS} to {longest} printable characters"
    if has_control_characters(password):
        return [Problem((path,), ProblemKind.MALFORMED, expected)]
    if len(password) < MIN_PASSWORD_CHARS:
        return [Problem((path,), ProblemKind.TOO_SHORT, expected)]
    if len(password) > longest:
        return [Problem((path,), ProblemKind.TOO_LONG, expected)]
    return []


def _check(problems: list[Problem]) -> None:
    if problems:
        raise InvalidRequest(problems)
