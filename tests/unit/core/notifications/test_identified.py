from __future__ import annotations

from tests.unit.core.stubs import NOW

from heliograph.core.ids import new_id, spell
from heliograph.core.model.notification import Content, Options
from heliograph.core.notifications.identified import ID_KEY, identified

ID = new_id(NOW)


def test_a_message_says_its_notifications_id_where_receipts_are_wanted():
    found = identified(Content(body="x", data={"a": 1}), Options(has_receipts=True), ID)

    assert found == Content(body="x", data={"a": 1, ID_KEY: spell("notification", ID)})


def test_elsewhere_it_is_left_as_it_is():
    content = Content(body="x")

    assert identified(content, Options(), ID) is content
