"""What Accept and Content-Type say about JSON and forms."""

from __future__ import annotations

FORM = "application/x-www-form-urlencoded"


def may_be_json(content_type: str | None) -> bool:
    """Say whether a Content-Type announces JSON, or nothing at all."""
    return not content_type or _is_json(_media_type(content_type))


def may_be_form(content_type: str | None) -> bool:
    """Say whether a Content-Type announces a form of names and values, or nothing at all."""
    return not content_type or _media_type(content_type) == FORM


def admits_json(accept: str | None) -> bool:
    """Say whether an Accept header admits some JSON answer, or is absent."""
    return not accept or any(_admits_json(media_range) for media_range in accept.split(","))


def names_html(accept: str | None) -> bool:
    """Say whether an Accept header names HTML itself, as browsers' do."""
    ranges = (accept or "").split(",")
    return any(_media_type(media_range) == "text/html" for media_range in ranges)


def _admits_json(media_range: str) -> bool:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    is_refused = any(part.replace(" ", "").rstrip("0.") == "q=" for part in parameters)
    return not is_refused and (name in ("*/*", "application/*") or _is_json(name))


def _media_type(content_type: str) -> str:
    """Strip the parameters, such as a charset: what is read is UTF-8 whatever they say."""
    return content_type.partition(";")[0].strip().lower()


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")
