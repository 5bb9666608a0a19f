"""Where senders connect to, and by which way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_HTTPS_PORT: Final = 443


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sender connects to."""

    host: str
    port: int = _HTTPS_PORT

    @property
    def authority(self) -> bytes:
        """The value of `:authority`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (host if self.port == _HTTPS_PORT else f"{host}:{self.port}").encode("ascii")
