"""The media type that Layer's clients ask for, and the one that changes arrive in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERSIONS = frozenset({"1.0", "1.1", "2.0", "3.0"})
"""Every version that a published client or page asks for. The push calls are the same in all."""

_MEDIA_TYPE = "application/vnd.layer+json"
_MEDIA_FAMILY = "application/vnd.layer"

PATCH_TYPE = "application/vnd.layer-patch+json"
"""The only type of a PATCH. Source: docs/dialects/layer.md, "Platform API"."""


def asks_for_known_version(accept: Sequence[str]) -> bool:
    """Say whether Accept names Layer's media type in a version that is spoken.

    Of several media ranges the first of Layer's counts; `*/*` is not enough.
    Source: docs/dialects/layer.md, "Requests".
    """
    for media_type, parameters in _media_ranges(accept):
        if media_type == _MEDIA_TYPE:
            return parameters.get("version") in VERSIONS
    return False


def asks_for_layer(accept: Sequence[str]) -> bool:
    """Say whether Accept names any type of Layer's, in whatever version."""
    return any(name.startswith(_MEDIA_FAMILY) for name, _ in _media_ranges(accept))


def _media_ranges(accept: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Split Accept, given as its header lines, into types and their parameters."""
    for media_range in ",".join(accept).lower().split(","):
        media_type, *parameters = media_range.split(";")
        pairs = (parameter.partition("=") for parameter in parameters)
        yield media_type.strip(), {name.strip(): _unquoted(value) for name, _, value in pairs}


def _unquoted(value: str) -> str:
    return value.strip().strip("\"'")


def announces_patch(content_type: str) -> bool:
    """Say whether Content-Type is that of a list of changes."""
    return content_type.partition(";")[0].strip().lower() == PATCH_TYPE
