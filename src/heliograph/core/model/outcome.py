"""What one provider call came to. An outcome is a value; only the engine acts on it.

Source: docs/providers/*.md, "Replies".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message; nobody has seen it yet.

    provider_message_id: None where it is the delivery's own id (APNs).
    """

    provider_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class TokenGone:
    """The token reaches nobody any more.

    since: the provider's own time, so that a token registered again later
    survives. is_ambiguous: the same answer also comes from a wrong key,
    environment or project of ours.
    """

    reason: str
    since: datetime | None = None
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """This message, for this target, never will be taken."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """Try again later. is_ours: throttling of all we send, not of one token."""

    reason: str
    retry_after: timedelta | None = None
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class RefreshCredential:
    """Our short-lived token is stale: mint a new one and repeat once."""

    reason: str


class FaultScope(StrEnum):
    """How wide a misconfiguration is: what has to be mended before it goes away.

    CREDENTIAL: the credential, its host or the application's own settings;
    every delivery by this credential would fail alike, so the engine holds
    them. TARGET: what this one registration says of itself, such as a
    bundle id that only its device named; nothing follows for the others.
    """

    CREDENTIAL = "credential"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """Ours to fix: a bad key must never empty a registry.

    scope: whether it is the credential's trouble or this one target's.
    """

    detail: str
    scope: FaultScope = FaultScope.CREDENTIAL


Outcome = Accepted | TokenGone | Rejected | Deferred | RefreshCredential | Misconfigured

ACCEPTED = Accepted()
"""The one value that most pushes of a broadcast come to."""
