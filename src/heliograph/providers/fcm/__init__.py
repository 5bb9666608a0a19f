"""Firebase Cloud Messaging, HTTP v1."""

from heliograph.providers.fcm.provider import FcmProvider

__all__ = ["FcmProvider"]
