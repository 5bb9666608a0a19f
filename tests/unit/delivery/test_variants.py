from __future__ import annotations

import asyncio

import pytest

from heliograph.core.model.delivery import Page, Target
from heliograph.core.model.notification import Content
from heliograph.core.model.outcome import Rejected
from heliograph.core.model.registration import ProviderName
from heliograph.delivery.variants import Variants, by_content
from heliograph.rendering.liquid import LiquidTemplates

pytestmark = pytest.mark.anyio

TEMPLATES = LiquidTemplates(max_render_s=5.0)
LOOP = Content(body="{% for i in (1..n) %}x{% endfor %}", is_template=True)


def page(*texts: str | None) -> Page:
    """One target for each text of variables, by ordinals from 1."""
    targets = [
        Target(b"%016d" % n, 0, n, ProviderName.FCM, None, f"t{n}", b"", "{}", 0, 0, False)  # noqa: FBT003
        for n, _ in enumerate(texts, start=1)
    ]
    listed = {n: text for n, text in enumerate(texts, start=1) if text is not None}
    return Page(targets, None, variables=listed)


async def test_equal_variables_make_one_variant() -> None:
    contents = await Variants(TEMPLATES).of(
        Content(body="{{ n }}", is_template=True), page('{"n":"1"}', None, '{"n":"1"}', None)
    )

    assert [each.body for each in contents if isinstance(each, Content)] == ["1", "", "1", ""]
    assert contents[0] is contents[2]
    assert [places for _, places in by_content(contents, [0, 1, 2, 3])] == [[0, 2], [1, 3]]


async def test_who_burns_too_much_is_rejected_alone() -> None:
    fine, greedy = await Variants(TEMPLATES).of(LOOP, page('{"n":"2"}', '{"n":"9999999"}'))

    assert isinstance(fine, Content)
    assert fine.body == "xx"
    assert isinstance(greedy, Rejected)
    assert greedy.reason.startswith("template: ")


async def test_a_template_that_is_understood_no_more_is_everybodys_trouble() -> None:
    contents = await Variants(TEMPLATES).of(Content(body="{{", is_template=True), page(None, None))

    assert [type(each) for each in contents] == [Rejected, Rejected]


async def test_others_have_their_turn_between_two_variants() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    listed = page(*(f'{{"n":"{n}"}}' for n in range(5)))
    await Variants(TEMPLATES, slice_s=0.0).of(LOOP, listed)
    counting.cancel()

    assert turns >= 4
