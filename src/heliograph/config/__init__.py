"""Every setting of the server, one frozen tree; each is described in docs/configuration.md."""

from heliograph.config.delivery import Delivery, Retention
from heliograph.config.outbound import Outbound, Webhooks
from heliograph.config.providers import Apns, Fcm, Sms, WebPush, Wns
from heliograph.config.server import Door, Limits, Listener, Logs, Role, Security
from heliograph.config.storage import Storage
from heliograph.config.tree import Config, SettingsError, load

__all__ = [
    "Apns",
    "Config",
    "Delivery",
    "Door",
    "Fcm",
    "Limits",
    "Listener",
    "Logs",
    "Outbound",
    "Retention",
    "Role",
    "Security",
    "SettingsError",
    "Sms",
    "Storage",
    "WebPush",
    "Webhooks",
    "Wns",
    "load",
]
