"""All operations of the dialect."""

from __future__ import annotations

from heliograph.dialects.mobilefirst.routes import (
    applications,
    devices,
    messages,
    openapi,
    provider_settings,
    subscriptions,
    tags,
    token,
    webhooks,
)

__all__ = ["ROUTES"]

_PUSH = (
    *applications.ROUTES,
    *provider_settings.ROUTES,
    *devices.ROUTES,
    *subscriptions.ROUTES,
    *tags.ROUTES,
    *messages.ROUTES,
    *webhooks.ROUTES,
    openapi.HEALTH_ROUTE,
)

ROUTES = (*token.ROUTES, *_PUSH, openapi.route_describing(_PUSH))
