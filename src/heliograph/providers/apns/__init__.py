"""Apple Push Notification service."""

from heliograph.providers.apns.provider import ApnsProvider

__all__ = ["ApnsProvider"]
