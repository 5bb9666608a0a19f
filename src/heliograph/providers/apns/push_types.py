"""What Apple's push types are: their topics, priorities, sizes, and what they must say.

Source: docs/providers/apns.md, "Push types".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from heliograph.core.model.registration import TokenKind
from heliograph.providers.apns.settings import PAYLOAD_LIMIT_BYTES, VOIP_PAYLOAD_LIMIT_BYTES


class PushType(StrEnum):
    """What the device does with a push; `apns-push-type`."""

    ALERT = "alert"
    BACKGROUND = "background"
    VOIP = "voip"
    LOCATION = "location"
    COMPLICATION = "complication"
    FILEPROVIDER = "fileprovider"
    MDM = "mdm"
    LIVEACTIVITY = "liveactivity"
    PUSHTOTALK = "pushtotalk"
    WIDGETS = "widgets"
    CONTROLS = "controls"


IMMEDIATE: Final = 10
POWER_AWARE: Final = 5
SLEEPING: Final = 1
_ANY: Final = frozenset({IMMEDIATE, POWER_AWARE, SLEEPING})
_AWAKE: Final = frozenset({IMMEDIATE, POWER_AWARE})


@dataclass(frozen=True, slots=True)
class Traits:
    """How one push type differs from the others.

    suffix: what it adds to the bundle id. high: the priority of an urgent
    one. needs_key: no certificate may send it. is_shown: title, body, sound
    and badge have a place in it. forbidden: keys of `aps` it may not have.
    """

    suffix: str = ""
    priorities: frozenset[int] = _ANY
    high: int = IMMEDIATE
    limit_bytes: int = PAYLOAD_LIMIT_BYTES
    needs_key: bool = False
    is_shown: bool = False
    forbidden: frozenset[str] = frozenset()


TRAITS: Final = {
    PushType.ALERT: Traits(is_shown=True),
    PushType.BACKGROUND: Traits(
        priorities=frozenset({POWER_AWARE}),
        high=POWER_AWARE,
        forbidden=frozenset({"alert", "sound", "badge"}),
    ),
    PushType.VOIP: Traits(".voip", limit_bytes=VOIP_PAYLOAD_LIMIT_BYTES, is_shown=True),
    PushType.LOCATION: Traits(".location-query", _AWAKE, needs_key=True),
    PushType.COMPLICATION: Traits(".complication"),
    PushType.FILEPROVIDER: Traits(".pushkit.fileprovider"),
    # Its topic is the push certificate's subject, which stands where a bundle id stands.
    PushType.MDM: Traits(),
    PushType.LIVEACTIVITY: Traits(".push-type.liveactivity", _AWAKE, needs_key=True, is_shown=True),
    PushType.PUSHTOTALK: Traits(".voip-ptt"),
    PushType.WIDGETS: Traits(".push-type.widgets", needs_key=True),
    PushType.CONTROLS: Traits(".push-type.controls", needs_key=True),
}

TYPE_OF_KIND: Final = {
    TokenKind.VOIP: PushType.VOIP,
    TokenKind.LIVE_ACTIVITY: PushType.LIVEACTIVITY,
}
"""The push type that a kind of tokens takes; plain ones take alerts and background pushes."""

_SUFFIXES: Final = tuple(traits.suffix for traits in TRAITS.values() if traits.suffix)


def bare_topic(topic: str) -> tuple[str, str]:
    """Split a topic into its bundle id and the suffix of a push type, which may be empty."""
    for suffix in _SUFFIXES:
        if topic.endswith(suffix):
            return topic.removesuffix(suffix), suffix
    return topic, ""
