from datetime import timedelta

from heliograph.dialects.native.mapping import sessions as mapping
from heliograph.dialects.native.schemas import sessions as schemas


def test_a_session_without_a_life_has_the_usual_one():
    body = schemas.SessionBody(user_id="ann")

    assert mapping.to_ttl(body) is None
    assert mapping.to_ttl(body.model_copy(update={"ttl_s": 60})) == timedelta(minutes=1)
