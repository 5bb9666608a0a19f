"""Whom applications trust, and nonces that were used, in a database."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.issuer import Issuer, KeyAlgorithm, TrustedKey
from heliograph.storage.database.engines import insert_missing
from heliograph.storage.tables.sign_in import issuers, spent_nonces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from heliograph.storage.database.database import Database

_SWEPT_AT_ONCE = 16
"""Old nonces that leave with each that is used: more go than come, and nobody waits for it."""


class SqlIssuers:
    """Issuers, each a row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_issuer(self, issuer: Issuer) -> bool:
        """Write an issuer; False where the application has one of this form and name."""
        values = {
            "application_id": issuer.application_id,
            "id": issuer.id,
            "form": issuer.form.value,
            "name": issuer.name,
            "created_ms": to_ms(issuer.created),
            **_changing(issuer),
        }

        def work(connection: Connection) -> bool:
            adding = insert_missing(connection, issuers).returning(issuers.c.id)
            return connection.execute(adding, values).first() is not None

        return await self._database.write(work)

    async def replace_issuer(self, issuer: Issuer) -> bool:
        """Write an issuer's audience, keys and URL anew; False where there is none."""
        change = (
            update(issuers)
            .where(issuers.c.application_id == issuer.application_id, issuers.c.id == issuer.id)
            .values(_changing(issuer))
        )
        return bool(await self._database.write(lambda each: each.execute(change).rowcount))

    async def issuers(self, application_id: Id) -> Sequence[Issuer]:
        """List an application's issuers by age."""
        query = (
            select(issuers).where(issuers.c.application_id == application_id).order_by(issuers.c.id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_to_issuer(row) for row in rows]

    async def remove_issuer(self, application_id: Id, issuer_id: Id) -> bool:
        """Forget an issuer; False where there is none."""
        change = delete(issuers).where(
            issuers.c.application_id == application_id, issuers.c.id == issuer_id
        )
        return bool(await self._database.write(lambda each: each.execute(change).rowcount))


class SqlNonces:
    """Used nonces, each until its time is over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spend(self, digest: bytes, *, expires_at: datetime, now: datetime) -> bool:
        """Note a nonce as used; False where it was already."""
        old = (
            select(spent_nonces.c.digest)
            .where(spent_nonces.c.expires_ms < to_ms(now))
            .limit(_SWEPT_AT_ONCE)
        )

        def work(connection: Connection) -> bool:
            adding = insert_missing(connection, spent_nonces).returning(spent_nonces.c.digest)
            values = {"digest": digest, "expires_ms": to_ms(expires_at)}
            is_first = connection.execute(adding, values).first() is not None
            connection.execute(delete(spent_nonces).where(spent_nonces.c.digest.in_(old)))
            return is_first

        return await self._database.write(work)


def _changing(issuer: Issuer) -> dict[str, Any]:
    return {
        "audience": issuer.audience,
        "keys": json.dumps([asdict(key) for key in issuer.keys]),
        "jwks_url": issuer.jwks_url,
    }


def _to_issuer(row: Row[Any]) -> Issuer:
    return Issuer(
        id=Id(row.id),
        application_id=Id(row.application_id),
        form=SessionForm(row.form),
        name=row.name,
        created=from_ms(row.created_ms),
        audience=row.audience,
        keys=tuple(
            TrustedKey(key["key_id"], KeyAlgorithm(key["algorithm"]), key["public_key"])
            for key in json.loads(row.keys)
        ),
        jwks_url=row.jwks_url,
    )
