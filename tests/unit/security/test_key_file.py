from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from heliograph.security import key_file
from heliograph.security.key_file import KeyFileError

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ab" * 32
OLDER_KEY = "cd" * 32


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_first_start_makes_one_key_that_only_the_server_can_read(tmp_path: Path) -> None:
    path = tmp_path / "data" / "keys"

    keys = key_file.read_or_make(path)

    assert [len(key) for key in keys] == [32]
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == 0o700
    assert key_file.read_or_make(path) == keys


def test_the_umask_opens_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        key_file.read_or_make(tmp_path / "data" / "keys")
    finally:
        os.umask(before)

    assert mode_of(tmp_path / "data") == 0o700
    assert mode_of(tmp_path / "data" / "keys") == 0o600


def test_nothing_is_left_beside_the_key_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"

    key_file.read_or_make(path)
    key_file.add_key(path)

    assert list(tmp_path.iterdir()) == [path]


def test_keys_are_read_in_order_and_remarks_are_skipped(tmp_path: Path) -> None:
    path = written(tmp_path / "keys", f"# newest first\n\n{KEY}\n  {OLDER_KEY.upper()}  \n")

    assert key_file.read_or_make(path) == (bytes.fromhex(KEY), bytes.fromhex(OLDER_KEY))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o610])
def test_a_file_open_to_others_stops_the_start_and_says_what_to_do(
    tmp_path: Path, mode: int
) -> None:
    path = written(tmp_path / "keys", KEY, mode)

    with pytest.raises(KeyFileError, match=rf"mode 0{mode:o}.*run `chmod 600 .*keys`"):
        key_file.read_or_make(path)
    with pytest.raises(KeyFileError, match="chmod 600"):
        key_file.add_key(path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_the_server_alone_is_read(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "keys", KEY, mode)

    assert key_file.read_or_make(path) == (bytes.fromhex(KEY),)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a remark\n"])
def test_a_file_without_a_key_is_not_quietly_filled(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "keys", text)

    with pytest.raises(KeyFileError, match="holds no key: restore it"):
        key_file.read_or_make(path)
    assert path.read_text() == text


@pytest.mark.parametrize("line", [KEY[:-1], KEY + "0", "zz" * 32, f"{KEY} {KEY}", "\x00"])
def test_a_line_that_is_no_key_is_named_but_never_shown(tmp_path: Path, line: str) -> None:
    path = written(tmp_path / "keys", f"{KEY}\n{line}\n")

    with pytest.raises(KeyFileError, match="Line 2 of the key file") as caught:
        key_file.read_or_make(path)
    assert line not in str(caught.value)


def test_bytes_that_are_no_text_are_no_key(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"\xff\xfe" * 16)
    path.chmod(0o600)

    with pytest.raises(KeyFileError, match="Line 1"):
        key_file.read_or_make(path)


@pytest.mark.parametrize("operation", [key_file.read_or_make, key_file.add_key])
def test_a_directory_in_its_place_is_refused_with_a_sentence(tmp_path: Path, operation) -> None:
    path = tmp_path / "keys"
    path.mkdir()

    with pytest.raises(KeyFileError, match="can't be used"):
        operation(path)


def test_a_place_that_cannot_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, not a directory")

    with pytest.raises(KeyFileError, match="can't be used"):
        key_file.read_or_make(tmp_path / "data" / "keys")


def test_a_key_is_added_before_the_others(tmp_path: Path) -> None:
    path = written(tmp_path / "keys", f"{KEY}\n{OLDER_KEY}\n")

    keys = key_file.add_key(path)

    assert keys[1:] == (bytes.fromhex(KEY), bytes.fromhex(OLDER_KEY))
    assert key_file.read_or_make(path) == keys
    assert mode_of(path) == 0o600


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = written(tmp_path / "keys", KEY)
    monkeypatch.setattr(os, "fsync", full_disk)

    with pytest.raises(KeyFileError, match="No space left on device"):
        key_file.add_key(path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == KEY


def test_starts_and_rotations_at_once_lose_no_key(tmp_path: Path) -> None:
    path = tmp_path / "data" / "keys"
    seen: list[tuple[bytes, ...]] = []

    def start_and_rotate() -> None:
        seen.append(key_file.read_or_make(path))
        seen.append(key_file.add_key(path))

    threads = [threading.Thread(target=start_and_rotate) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    final = key_file.read_or_make(path)
    assert len(final) == 9
    assert {key for keys in seen for key in keys} <= set(final)
    assert {keys[-1] for keys in seen} == {final[-1]}
