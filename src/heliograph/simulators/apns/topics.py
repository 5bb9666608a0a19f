"""What push types add to a bundle id to make a topic.

Source: docs/providers/apns.md.
"""

from typing import Final

TOPIC_SUFFIXES: Final = {
    b"alert": b"",
    b"background": b"",
    b"voip": b".voip",
    b"complication": b".complication",
    b"fileprovider": b".pushkit.fileprovider",
    b"location": b".location-query",
    b"liveactivity": b".push-type.liveactivity",
    b"pushtotalk": b".voip-ptt",
    b"widgets": b".push-type.widgets",
    b"controls": b".push-type.controls",
    b"mdm": b"",
}
_SUFFIXES: Final = tuple(sorted({suffix for suffix in TOPIC_SUFFIXES.values() if suffix}))


def known_suffix_of(topic: bytes) -> bytes:
    """Return the suffix that a topic ends in; empty if it can only be a bundle id."""
    for suffix in _SUFFIXES:
        if topic.endswith(suffix):
            return suffix
    return b""
