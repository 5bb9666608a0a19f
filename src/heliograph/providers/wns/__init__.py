"""Windows Push Notification Services."""

from heliograph.providers.wns.provider import WnsProvider

__all__ = ["WnsProvider"]
