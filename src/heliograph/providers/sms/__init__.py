"""Text messages: HTTP gateways, and SMS centres that speak SMPP."""

from heliograph.providers.sms.provider import SmsProvider

__all__ = ["SmsProvider"]
