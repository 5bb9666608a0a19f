"""What the lists of devices, subscriptions and tags share: windows in, links out."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from heliograph.dialects.mobilefirst.mapping import paging, positions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heliograph.core.core import Core
    from heliograph.core.ids import Id
    from heliograph.core.model.listing import Listed, Window
    from heliograph.dialects.mobilefirst.routes.admission import Admission
    from heliograph.dialects.mobilefirst.schemas.wire import PageInfo, PositionedQuery

T = TypeVar("T")


class ListPlace:
    """One list of one application, for one request."""

    def __init__(
        self, core: Core, entry: Admission, collection: str, pairs: Sequence[tuple[str, str]]
    ) -> None:
        self.place = entry.place(collection)
        self._signer = core.signer
        self._application_id: Id = entry.application.id
        self._collection = collection
        self._pairs = pairs

    def window(self, query: PositionedQuery) -> Window:
        """Say which part of the list is wanted; raises InvalidRequest."""
        window = paging.to_window(query)
        if query.position is None:
            return window
        payload = self._signer.verify(positions.PURPOSE, query.position)
        return positions.placed(window, payload, self._application_id, self._collection)

    def page_info(
        self, window: Window, listed: Listed[T], key_of: Callable[[T], bytes]
    ) -> PageInfo:
        """Say where a page stands, with links that are answered as fast as it was."""
        items = listed.items
        following = preceding = None
        if items and listed.has_more:
            at = window.offset + len(items)
            following = self._signed(positions.after, at, key_of(items[-1]))
        if items and window.offset > window.limit:
            at = window.offset - window.limit
            preceding = self._signed(positions.before, at, key_of(items[0]))
        info = paging.page_info(window, listed, self.place, self._pairs)
        return paging.with_positions(info, following, preceding)

    def _signed(self, side: Callable[[Id, str, int, bytes], bytes], offset: int, key: bytes) -> str:
        payload = side(self._application_id, self._collection, offset, key)
        return self._signer.sign(positions.PURPOSE, payload)
