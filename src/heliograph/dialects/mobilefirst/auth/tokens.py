"""Access tokens: signed, opaque to clients, and over after an hour."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from heliograph.core.clock import to_ms
from heliograph.core.ids import Id, letters_of, raw_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.ports import Signer

LIFE = timedelta(hours=1)
"""Source: docs/dialects/mobilefirst.md, "Tokens"."""

_PURPOSE = "mobilefirst-access"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a token says. elements: of its scope, in the order they were asked for."""

    client_id: Id
    elements: tuple[str, ...]


def mint(signer: Signer, client_id: Id, elements: Sequence[str], *, now: datetime) -> str:
    """Make a token; nothing is stored of it."""
    claims = {
        "client": letters_of(client_id),
        "scope": list(elements),
        "until_ms": to_ms(now + LIFE),
    }
    return signer.sign(_PURPOSE, json.dumps(claims, separators=(",", ":")).encode())


def read(signer: Signer, text: str, *, now: datetime) -> AccessToken | None:
    """Read a token back; None if it is over, or none of ours."""
    payload = signer.verify(_PURPOSE, text)
    if payload is None:
        return None
    claims = json.loads(payload)
    client_id = raw_of(claims["client"])
    if client_id is None or claims["until_ms"] <= to_ms(now):
        return None
    return AccessToken(client_id, tuple(claims["scope"]))
