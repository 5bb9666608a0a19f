"""All operations of the native API."""

from __future__ import annotations

from heliograph.dialects.native.routes import (
    applications,
    breakers,
    channels,
    deliveries,
    dry_runs,
    fcm_topics,
    issuers,
    logins,
    notifications,
    openapi,
    receipts,
    registrations,
    sessions,
    tags,
    webhooks,
    webpush_keys,
)

__all__ = ["ROUTES"]

_RESOURCES = (
    *applications.ROUTES,
    *registrations.ROUTES,
    *tags.ROUTES,
    *sessions.ROUTES,
    *issuers.ROUTES,
    *logins.ROUTES,
    *notifications.ROUTES,
    *deliveries.ROUTES,
    *receipts.ROUTES,
    *webhooks.ROUTES,
    *dry_runs.ROUTES,
    *fcm_topics.ROUTES,
    *channels.ROUTES,
    *breakers.ROUTES,
    *webpush_keys.ROUTES,
)

ROUTES = (*_RESOURCES, openapi.route_describing(_RESOURCES))
