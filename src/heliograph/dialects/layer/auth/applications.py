"""Which application a Layer id means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import NotFound
from heliograph.core.ids import Id
from heliograph.dialects.layer.mapping.sessions import to_uuid

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application

APPLICATION_ALIAS = "layer_app"
"""The kind of alias by which an application keeps the id that it had at Layer."""


async def application_of(text: str, core: Core, account_id: Id) -> Application:
    """Find an application by an id it had at Layer, or by its own as a UUID; raises NotFound."""
    own_id = to_uuid(text)
    if own_id is None:
        raise NotFound("application", text)
    former = await core.aliases.find(APPLICATION_ALIAS, account_id, str(own_id))
    return await core.applications.get(former or Id(own_id.bytes))
