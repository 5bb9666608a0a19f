"""The tree keeps its own rules: file lengths, names, lock files, documents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from heliograph.config import Config, Door
from heliograph.wiring import DIALECTS

ROOT = Path(__file__).parents[2]
NOT_OURS = {"__pycache__", "node_modules"}
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py", "base.py"}


def files(*folders: str) -> list[Path]:
    """List what we wrote. Whoever has the tree may lack git, or own none of its files."""
    return [
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not NOT_OURS.intersection(path.relative_to(ROOT).parts)
    ]


def test_no_file_is_longer_than_400_lines():
    sources = files("src", "tests", "bench", "tools")

    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in sources
        if path.suffix in {".py", ".mjs", ".js"}
        if (lines := len(path.read_text().splitlines())) > 400
    }

    assert too_long == {}
    assert len(sources) > 100


def test_no_file_is_named_for_nothing():
    assert [path for path in files("src") if path.name in FORBIDDEN_NAMES] == []


def test_lock_files_have_hashes_and_no_addresses():
    locks = [
        path
        for path in files("requirements", "tests", "bench")
        if path.name == "package-lock.json"
        or (path.parent.name == "requirements" and path.suffix == ".txt")
    ]

    assert len(locks) >= 3
    for lock in locks:
        text = lock.read_text()
        assert not re.search(r"--(extra-)?index-url|--find-links|\"resolved\"", text), lock
        assert "sha256:" in text or '"integrity": "sha512-' in text, lock


@pytest.mark.parametrize("house", ["core", "storage"])
def test_the_architecture_shows_every_room_and_no_other(house):
    text = (ROOT / "ARCHITECTURE.md").read_text()
    table = text.split(f"| room of `{house}/` | holds |")[1].split("\n\n")[0]

    shown = set(re.findall(r"^\| `(\w+)/` \|", table, re.MULTILINE))

    folders = (ROOT / "src" / "heliograph" / house).iterdir()
    assert shown == {path.name for path in folders if path.is_dir() and path.name not in NOT_OURS}


def test_every_file_that_the_architecture_names_is_there():
    text = (ROOT / "ARCHITECTURE.md").read_text()

    named = set(re.findall(r"`([a-z0-9_]+/[a-z0-9_/]+\.py)`", text))

    assert len(named) > 20
    assert [name for name in named if not (ROOT / "src" / "heliograph" / name).is_file()] == []


def settings(section: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names += settings(inner, f"{prefix}{name}.")
        elif Door in get_args(inner):
            names += [name, *settings(Door, f"{name}.")]
        else:
            names.append(prefix + name)
    return names


def test_every_setting_is_described():
    page = (ROOT / "docs/configuration.md").read_text()

    described = set(re.findall(r"^\| `([a-z_.]+)` \|", page, re.MULTILINE))

    assert described == set(settings(Config))


def test_every_default_is_described():
    page = (ROOT / "docs/configuration.md").read_text()
    defaults = dict(re.findall(r"^\| `([a-z_.]+)` \| `([^`]*)` \|", page, re.MULTILINE))

    for name, shown in defaults.items():
        section: object = Config() if not name.startswith("doors.") else Door(dialect="x")
        for part in name.removeprefix("doors.").split("."):
            section = getattr(section, part)
        value = section[0] if isinstance(section, tuple) else section
        assert str(value).removesuffix(".0") == shown.removesuffix(".0") or (
            str(value).lower() == shown
        ), name


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_route_is_on_its_dialects_page(dialect):
    page = (ROOT / f"docs/dialects/{dialect.name}.md").read_text()

    for route in dialect.routes:
        path = re.sub(r"\{(\w+)\}", "", route.path)
        shown = [
            re.sub(r"\{(\w+)\}|:\w+", "", found) for found in re.findall(r"/[\w/{}.:@-]*", page)
        ]
        assert path in shown, f"{route.method} {route.path}"


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_reply_code_is_on_its_dialects_page(dialect):
    page = (ROOT / f"docs/dialects/{dialect.name}.md").read_text()

    for reply in dialect.errors.values():
        assert f"`{reply.code}`" in page
        assert str(reply.status) in page


def test_every_document_that_a_route_cites_is_there():
    for dialect in DIALECTS:
        for route in dialect.routes:
            assert (ROOT / route.source.partition("#")[0]).is_file(), route.source


def test_links_between_documents_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
