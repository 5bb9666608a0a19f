"""All of Twilio's operations."""

from __future__ import annotations

from heliograph.dialects.twilio.routes import (
    apps,
    credentials,
    devices,
    notifications,
    openapi,
    operations,
    users,
)

__all__ = ["ROUTES"]

_RESOURCES = (
    *notifications.ROUTES,
    *operations.ROUTES,
    *devices.ROUTES,
    *credentials.ROUTES,
    *apps.ROUTES,
    *users.ROUTES,
)

ROUTES = (*_RESOURCES, openapi.route_describing(_RESOURCES))
