from types import SimpleNamespace

import pytest
from tests.unit.web.stubs import NO_CORE, dialect

from heliograph.config import Config, Door
from heliograph.core.errors import NotFound
from heliograph.web.door import OpenDoor, doors_of


def _config(*doors: Door, **more) -> Config:
    return Config(doors=doors, **more)


def test_a_dialect_without_a_setting_has_one_door_at_the_root():
    (door,) = doors_of(_config(default_application="app_1"), [dialect("one")])

    assert (door.host, door.prefix, door.application) == (None, "", "app_1")


def test_doors_are_opened_as_configured():
    doors = doors_of(
        _config(
            Door(dialect="one", host="One.test", application="app_2"),
            Door(dialect="one", prefix="in/ner/", cors_origins=("https://a.test",)),
            Door(dialect="two", is_open=False),
        ),
        [dialect("one"), dialect("two")],
    )

    assert [(door.dialect.name, door.host, door.prefix) for door in doors] == [
        ("one", "one.test", ""),
        ("one", None, "/in/ner"),
    ]
    assert doors[0].application == "app_2"
    assert doors[1].cors_origins == ("https://a.test",)


def test_an_unknown_dialect_stops_the_start_and_names_its_nearest():
    with pytest.raises(ValueError, match="did you mean 'native'"):
        doors_of(_config(Door(dialect="natve")), [dialect("native")])
    with pytest.raises(ValueError, match=r"'xyz'$"):
        doors_of(_config(Door(dialect="xyz")), [dialect("native")])


def test_a_doors_url_has_its_own_host_and_prefix():
    door = OpenDoor(dialect("one"), host="one.test", prefix="/in")

    assert door.at("http://push.test:8080/").public_url == "http://one.test:8080/in"


@pytest.mark.anyio
async def test_a_door_bound_to_no_application_finds_none():
    with pytest.raises(NotFound):
        await OpenDoor(dialect("one")).bound_application(NO_CORE)


@pytest.mark.anyio
async def test_a_door_finds_the_application_it_is_bound_to():
    class Applications:
        async def by_spelling(self, text):
            return f"application {text}"

    core = SimpleNamespace(applications=Applications())

    found = await OpenDoor(dialect("one"), application="app_1").bound_application(core)

    assert found == "application app_1"


def test_doors_that_are_all_closed_are_refused():
    closed = Door(dialect="one", is_open=False)

    with pytest.raises(ValueError, match="no door is open"):
        doors_of(_config(closed), [dialect("one")])
