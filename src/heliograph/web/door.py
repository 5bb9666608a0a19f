"""Doors: one dialect at one place, bound to an application."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from heliograph.config import Door
from heliograph.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.config import Config
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.web.dialect import Dialect


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """A door that answers.

    host: lower case, without port; None means any. prefix: empty, or a path
    that begins with a slash and does not end with one. application: spelled
    id for calls that name none. public_url: this door's root as clients see
    it, its prefix included, without a slash at the end.
    """

    dialect: Dialect
    host: str | None = None
    prefix: str = ""
    application: str | None = None
    cors_origins: tuple[str, ...] = ("*",)
    public_url: str = ""

    async def bound_application(self, core: Core) -> Application:
        """Answer the application for calls that name none; raises NotFound."""
        if self.application is None:
            raise NotFound("application", "")
        return await core.applications.by_spelling(self.application)

    def at(self, public_url: str) -> OpenDoor:
        """Place the door beneath the server's public URL.

        A door with a host of its own is linked to under that host: it comes
        from the settings, unlike a request's Host header, which never counts.
        """
        parts = urlsplit(public_url.rstrip("/"))
        if self.host is not None:
            port = f":{parts.port}" if parts.port else ""
            parts = parts._replace(netloc=f"{self.host}{port}")
        return replace(self, public_url=urlunsplit(parts) + self.prefix)


def doors_of(config: Config, dialects: Sequence[Dialect]) -> tuple[OpenDoor, ...]:
    """Open each dialect's doors as configured, or one at the root if none is.

    Raises ValueError for a door of an unknown dialect, naming its nearest,
    and where every door is closed.
    """
    names = [dialect.name for dialect in dialects]
    for place in config.doors:
        if place.dialect not in names:
            near = get_close_matches(place.dialect, names, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"doors: no dialect is called {place.dialect!r}{hint}")
    doors = tuple(
        OpenDoor(
            dialect=dialect,
            host=place.host.lower() if place.host else None,
            prefix=_clean_prefix(place.prefix),
            application=place.application or config.default_application,
            cors_origins=place.cors_origins,
        )
        for dialect in dialects
        for place in _places(config, dialect.name)
        if place.is_open
    )
    if not doors:
        raise ValueError("no door is open")
    return doors


def _places(config: Config, name: str) -> list[Door]:
    return [place for place in config.doors if place.dialect == name] or [Door(dialect=name)]


def _clean_prefix(prefix: str) -> str:
    inner = prefix.strip("/")
    return f"/{inner}" if inner else ""
