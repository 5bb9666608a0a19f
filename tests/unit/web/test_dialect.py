import pytest

from heliograph.core.errors import CoreError, InvalidRequest, InvalidToken, NotFound
from heliograph.web.dialect import Reply, reply_for

TABLE = {CoreError: Reply(500, "any"), InvalidRequest: Reply(400, "invalid")}


def test_the_most_specific_row_wins():
    assert reply_for(TABLE, InvalidToken([])).code == "invalid"
    assert reply_for(TABLE, NotFound("note", "1")).code == "any"


def test_an_error_without_a_row_is_our_mistake():
    with pytest.raises(LookupError, match="NotFound"):
        reply_for({InvalidRequest: Reply(400, "invalid")}, NotFound("note", "1"))
