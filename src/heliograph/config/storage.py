"""Where everything is kept."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from heliograph.config.section import Section

_DATABASE_SCHEMES = ("postgresql", "postgres")


class Storage(Section):
    """database_url: None means SQLite in the data directory."""

    database_url: SecretStr | None = None
    pool_size: int = Field(default=8, ge=2)
    readers: int = Field(default=2, ge=1, le=16)
    batch_size: int = Field(default=256, ge=1, le=1024)
    timeout_s: float = Field(default=10.0, gt=0)

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse early what no driver could use, and without showing its password."""
        if url is not None and not _is_postgresql_url(url.get_secret_value()):
            expected = "must be postgresql://user:password@host:port/database"
            raise PydanticCustomError("database_url", "{expected}", {"expected": expected})
        return url


def _is_postgresql_url(url: str) -> bool:
    scheme, colon, _ = url.partition("://")
    try:
        # A password with a bare "/", "?" or "#" ends up where the port belongs.
        port = urlsplit(url).port
    except ValueError:
        return False
    return scheme in _DATABASE_SCHEMES and bool(colon) and port != 0
