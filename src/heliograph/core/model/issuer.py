"""Issuers: who else may say who somebody is, and the keys that prove it was them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.identity import SessionForm


class KeyAlgorithm(StrEnum):
    """How a key signs. Never `none`, and never a secret that both sides know."""

    RS256 = "RS256"
    PS256 = "PS256"
    ES256 = "ES256"
    ES384 = "ES384"


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key with the one algorithm that it is for. public_key: PEM (SubjectPublicKeyInfo).

    The algorithm belongs to the key: what a token's header asks for chooses nothing.
    """

    key_id: str
    algorithm: KeyAlgorithm
    public_key: str


@dataclass(frozen=True, slots=True)
class Issuer:
    """Somebody whose signed tokens an application believes.

    form: which door its tokens open. name: what they say in `iss`. audience:
    what they must say in `aud`; None where the form's tokens say nothing
    there. keys: those that were given to us; jwks_url: where the others are.
    """

    id: Id
    application_id: Id
    form: SessionForm
    name: str
    created: datetime
    audience: str | None = None
    keys: tuple[TrustedKey, ...] = ()
    jwks_url: str | None = None
