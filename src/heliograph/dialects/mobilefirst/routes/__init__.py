"""All operations of the dialect."""

from __future__ import annotations

from heliograph.dialects.mobilefirst.routes import devices, subscriptions, tags, token

__all__ = ["ROUTES"]

ROUTES = (*token.ROUTES, *devices.ROUTES, *subscriptions.ROUTES, *tags.ROUTES)
