from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from heliograph.cli.demo import _read, _write
from heliograph.cli.demo_site import _text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff\xfe", b"[]", b"5", b"[" * 100_000, b'{"a": 1e999', b"\x00"]
)
def test_a_damaged_file_says_nothing(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "demo.json").write_bytes(damage)

    assert _read(tmp_path / "demo.json") == {}


def test_a_missing_file_and_a_folder_in_its_place_say_nothing(tmp_path: Path) -> None:
    assert _read(tmp_path / "demo.json") == {}
    assert _read(tmp_path) == {}


@pytest.mark.parametrize(
    "known", [{}, {"native": None}, {"native": "x"}, {"native": []}, {"native": {"api_key": 5}}]
)
def test_a_fact_that_is_none_is_empty(known: dict[str, object]) -> None:
    assert _text(known, "native", "api_key") == ""


def test_the_file_is_its_owners_even_over_a_draft_that_a_crash_left(tmp_path: Path) -> None:
    (tmp_path / "demo.new").touch(mode=0o644)

    _write(tmp_path / "demo.json", {"native": {"api_key": "k"}})

    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert _read(tmp_path / "demo.json") == {"native": {"api_key": "k"}}
    assert [path.name for path in tmp_path.iterdir()] == ["demo.json"]
