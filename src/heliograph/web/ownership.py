"""Who answers for what nobody matched: the longest prefix owns the error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.web.router import is_parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.web.door import OpenDoor


class Ownership:
    """The prefixes of all doors, for errors and preflights."""

    def __init__(self, doors: Sequence[OpenDoor]) -> None:
        self._prefixes = [
            (door, _segments(door.prefix + prefix))
            for door in doors
            for prefix in (*door.dialect.prefixes, "/" if door.prefix else None)
            if prefix is not None
        ]
        self._claimants = [door for door in doors if door.dialect.claims_request is not None]
        self._last_resort = doors[-1]

    def owners_of(
        self, host: str | None, segments: Sequence[str]
    ) -> tuple[OpenDoor, Sequence[OpenDoor]]:
        """Answer the owner, and who may still claim the request for itself.

        A door with a host of its own owns there all that no longer prefix
        takes. Nobody may claim what a prefix owns.
        """
        best: tuple[int, bool] = (-1, False)
        owner = self._last_resort
        for door, prefix in self._prefixes:
            if door.host not in (None, host) or not _begins(segments, prefix):
                continue
            rank = (len(prefix), door.host is not None)
            if rank > best:
                best, owner = rank, door
        if best[0] > 0:
            return owner, ()
        at_home = [
            door for door, _ in self._prefixes if door.host is not None and door.host == host
        ]
        if at_home and owner.host is None:
            owner = at_home[0]
        claimants = [
            door for door in self._claimants if not door.prefix and door.host in (None, host)
        ]
        return owner, claimants


def _segments(prefix: str) -> list[str]:
    return [segment for segment in prefix.split("/") if segment]


def _begins(segments: Sequence[str], prefix: Sequence[str]) -> bool:
    return len(segments) >= len(prefix) and all(
        is_parameter(wanted) or wanted == given
        for wanted, given in zip(prefix, segments, strict=False)
    )
