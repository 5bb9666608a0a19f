"""Web Push: browsers, by way of their makers' push services."""

from heliograph.providers.webpush.provider import WebPushProvider

__all__ = ["WebPushProvider"]
