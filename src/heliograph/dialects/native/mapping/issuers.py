"""Issuers <-> the core's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.identity.issuers import IssuerDraft
from heliograph.core.ids import spell
from heliograph.dialects.native.schemas import issuers as schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.issuer import Issuer


def to_draft(body: schemas.IssuerBody) -> IssuerDraft:
    """Translate an issuer that is asked for."""
    return IssuerDraft(
        form=body.form,
        name=body.issuer,
        audience=body.audience,
        keys=tuple((key.key_id, key.algorithm, key.public_key) for key in body.keys),
        jwks_url=body.jwks_url,
    )


def from_issuer(issuer: Issuer) -> schemas.Issuer:
    """Show an issuer."""
    return schemas.Issuer(
        id=spell("issuer", issuer.id),
        issuer=issuer.name,
        form=issuer.form,
        audience=issuer.audience,
        keys=tuple(
            schemas.Key(key_id=key.key_id, algorithm=key.algorithm, public_key=key.public_key)
            for key in issuer.keys
        ),
        jwks_url=issuer.jwks_url,
        created_at=issuer.created,
    )


def from_issuers(issuers: Sequence[Issuer]) -> schemas.IssuerList:
    """Show all of an application's."""
    return schemas.IssuerList(items=tuple(map(from_issuer, issuers)))
