"""Tags: labels, but for the one that everybody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.model.listing import Condition, RegistrationField
from heliograph.core.model.registration import ProviderName
from heliograph.core.registrations.tokens import has_control_characters
from heliograph.dialects.mobilefirst.mapping.paging import CREATED_MODE, timestamp
from heliograph.dialects.mobilefirst.schemas.tags import Tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.core.model.tag import Tag as CoreTag
    from heliograph.dialects.mobilefirst.mapping.paging import Place
    from heliograph.dialects.mobilefirst.schemas.tags import TagChanges

BROADCAST = "Push.ALL"
"""The tag of every new device. It is no tag to make, list or delete; letters' case is ignored."""

NOT_BROADCAST = Condition(RegistrationField.LABEL, (BROADCAST,), is_excluding=True)

_LETTERS = {ProviderName.APNS: "A", ProviderName.FCM: "G", ProviderName.WNS: "W"}


def canonical(name: str) -> str:
    """Spell the broadcast tag in the one way in which it is kept."""
    return BROADCAST if name.casefold() == BROADCAST.casefold() else name


def is_broadcast(name: str) -> bool:
    """Say whether a name is the broadcast tag's."""
    return canonical(name) == BROADCAST


def own_name(name: str) -> str:
    """Let a name pass that is free for callers to use; raises InvalidRequest."""
    if is_broadcast(name):
        expected = f"another name than {BROADCAST}, which is reserved"
        raise InvalidRequest([Problem(("name",), ProblemKind.NOT_ALLOWED, expected)])
    return listed_name(name)


def listed_name(name: str) -> str:
    """Let a name pass that a tag of the list may have; raises NotFound."""
    if is_broadcast(name) or has_control_characters(name):
        raise NotFound("tag", name)
    return name


def to_description(body: TagChanges, tag: CoreTag) -> str | None:
    """Say how a tag is described from now on."""
    return tag.description if body.description is None else body.description


def check_changes(body: TagChanges, name: str) -> None:
    """Refuse to give a tag another name; raises InvalidRequest."""
    if body.name not in (None, name):
        expected = "the name of the path, which can't be changed"
        raise InvalidRequest([Problem(("name",), ProblemKind.NOT_ALLOWED, expected)])


def from_tag(
    tag: CoreTag, place: Place, subscribers: Mapping[ProviderName, int] | None = None
) -> Tag:
    """Show a tag. subscribers: how many it has by provider, where that was asked for."""
    href = place.link(tag.label)
    counts = None
    if subscribers is not None:
        by_letter = {letter: subscribers.get(name, 0) for name, letter in _LETTERS.items()}
        counts = {**by_letter, "total": sum(subscribers.values())}
    return Tag(
        name=tag.label,
        description=tag.description or "",
        createdMode=CREATED_MODE,
        createdTime=timestamp(tag.created),
        lastUpdatedTime=timestamp(tag.updated),
        href=href,
        uri=href,
        subscriptionCount=counts,
    )
