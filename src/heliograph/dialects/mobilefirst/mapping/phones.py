"""Telephone numbers, which people and phones write in groups."""

from __future__ import annotations


def dialled(number: str) -> str:
    """Leave out what digits are grouped by: `+49 (170) 123-4567` is dialled without."""
    return "".join(letter for letter in number if letter not in " -./()")
