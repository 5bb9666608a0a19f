"""All operations of the dialect."""

from __future__ import annotations

from heliograph.dialects.layer.routes import (
    applications,
    discovery,
    notifications,
    push_tokens,
    sessions,
    users,
)

__all__ = ["ROUTES"]

ROUTES = (
    *discovery.ROUTES,
    *sessions.ROUTES,
    *push_tokens.ROUTES,
    *notifications.ROUTES,
    *users.ROUTES,
    *applications.ROUTES,
)
