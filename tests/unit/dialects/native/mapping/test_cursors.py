import pytest

from heliograph.core.errors import InvalidRequest
from heliograph.dialects.native.mapping import cursors, deliveries


@pytest.mark.parametrize("text", ["", "a", "é", "!" * 22, "A" * 21, "A" * 23, "\ud800"])
def test_a_cursor_that_is_none_of_ours_is_refused(text):
    with pytest.raises(InvalidRequest):
        cursors.to_id_cursor(text)
    with pytest.raises(InvalidRequest):
        deliveries.to_delivery_cursor(text)
