"""The key file: the server's master keys, one per line, the newest first.

It lives outside the database, so that neither a stolen dump nor a stolen
backup opens what the database keeps sealed. A line holds 32 random bytes as
64 hexadecimal digits; empty lines and lines that begin with `#` are skipped.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

KEY_BYTES = 32

_FILE_MODE = 0o600
_DIRECTORY_MODE = 0o700
_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_HEAD = """\
# Heliograph's master keys. Whoever has this file can open every sealed
# credential; whoever loses it has lost them. Back it up apart from the database.
# The first key seals, every key unseals.
"""
_KEY = re.compile(rf"[0-9a-fA-F]{{{2 * KEY_BYTES}}}")


class KeyFileError(Exception):
    """The key file can't be used; the message says why and what to do."""


def read_or_make(path: Path) -> tuple[bytes, ...]:
    """Read the keys, newest first; a missing file is made with one new key.

    Raises KeyFileError.
    """
    try:
        with suppress(FileNotFoundError):
            return _read(path)
        path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        with _locked(path.parent):
            if not path.exists():
                _write(path, [secrets.token_bytes(KEY_BYTES)])
            return _read(path)
    except OSError as error:
        raise KeyFileError(_unusable(path, error)) from error


def add_key(path: Path) -> tuple[bytes, ...]:
    """Put a new key before all others; answers the keys as they are now.

    The file is read again under a lock: of two rotations at once neither may
    lose the other's key, for something may be sealed with it already. Raises
    KeyFileError.
    """
    try:
        with _locked(path.parent):
            keys = (secrets.token_bytes(KEY_BYTES), *_read(path))
            _write(path, keys)
            return keys
    except OSError as error:
        raise KeyFileError(_unusable(path, error)) from error


def _read(path: Path) -> tuple[bytes, ...]:
    with path.open(encoding="utf-8", errors="replace") as file:
        # The open file is asked, not the path: what was checked is what is read.
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & _OPEN_TO_OTHERS:
            raise KeyFileError(
                f"The key file {path} is open to other users (mode {mode:04o}): "
                f"run `chmod 600 {path}`, and rotate the keys if anyone else may have read them."
            )
        keys = tuple(_parse(path, number, line) for number, line in _lines_with_keys(file))
    if not keys:
        raise KeyFileError(
            f"The key file {path} holds no key: restore it from a backup, or delete it "
            "to start with a new key and enter all provider credentials again."
        )
    return keys


def _lines_with_keys(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield number, text


def _parse(path: Path, number: int, text: str) -> bytes:
    if not _KEY.fullmatch(text):
        # The line itself is not shown: it may be most of a key.
        raise KeyFileError(
            f"Line {number} of the key file {path} is not a key of {2 * KEY_BYTES} hexadecimal "
            "digits: restore the file from a backup."
        )
    return bytes.fromhex(text)


def _write(path: Path, keys: Sequence[bytes]) -> None:
    """Write the whole file beside its place, then move it there in one step."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(  # Path.open takes no opener
            draft,
            "x",
            encoding="utf-8",
            opener=lambda name, flags: os.open(name, flags, _FILE_MODE),
        ) as file:
            file.write(_HEAD + "".join(f"{key.hex()}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep other processes from changing the file; make our change durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        os.fsync(handle)
    finally:
        os.close(handle)


def _unusable(path: Path, error: OSError) -> str:
    return (
        f"The key file {path} can't be used ({error.strerror}): "
        "make it, and the directory it is in, readable and writable by the server's user alone."
    )
