from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.ports import TemplateRefused
from heliograph.rendering.liquid import MAX_OUTPUT_BYTES, MAX_SOURCE_CHARS, LiquidTemplates

TEMPLATES = LiquidTemplates(max_render_s=5.0)


def render(text: str, templates: LiquidTemplates = TEMPLATES, **variables: str) -> str:
    return templates.compile(text).render(variables)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hi {{ name }}", "Hi Ann"),
        ("Hi {{name}}", "Hi Ann"),
        ("Hi {{ nobody }}!", "Hi !"),
        ("Hi {{ nobody | default: 'friend' }}", "Hi friend"),
        ("{% if name == 'Ann' %}yes{% else %}no{% endif %}", "yes"),
        ("{% for i in (1..3) %}{{ i }}{% endfor %}", "123"),
        ("{{ name | upcase | append: '!' }}", "ANN!"),
        ("{{ 'x' | escape }} < {{ html }}", "x < <b>"),
        ("é {{ emoji }}", "é 🦩"),
    ],
)
def test_a_template_is_filled_in(text: str, shown: str) -> None:
    assert render(text, name="Ann", html="<b>", emoji="🦩") == shown


@pytest.mark.parametrize(
    "text",
    [
        "{{ name",
        "{% if %}",
        "{% if a %}",
        "{% endfor %}",
        "{% include 'x' %}",
        "{% render 'x' %}",
        "{% cycle %}",
        "{% unknown %}",
        "x" * (MAX_SOURCE_CHARS + 1),
    ],
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(TemplateRefused) as caught:
        TEMPLATES.compile(text)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


_TEN = "'aaaaaaaaaa'"


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in (1..1000000000) %}x{% endfor %}",
        "{% for i in (1..1000000000) reversed %}x{% endfor %}",
        "{% for i in (1..n) offset: 900000000 %}x{% endfor %}",
        "{% for i in (1..1000) %}{% for j in (1..1000) %}{% endfor %}{% endfor %}",
        "{% tablerow i in (1..100000000) %}x{% endtablerow %}",
        "{{ (1..1000000000) | join }}",
        "{{ (1..n) | reverse | join }}",
        "{{ " + _TEN + "".join([f" | replace: 'a', {_TEN}"] * 9) + " }}",
        "{% assign x = 99999 %}{% for i in (1..99) %}{% assign x = x | times: x %}{% endfor %}",
        "{% assign x = 'ab' %}{% for i in (1..99) %}{% assign x = x | append: x %}{% endfor %}",
        "{% for i in (1..1000) %}{{ long }}{% endfor %}",
        "{% capture x %}{% for i in (1..1000) %}{{ long }}{% endfor %}{% endcapture %}",
        "{{ '9' | times: '" + "9" * 5000 + "' }}",
        "{{ name | unheard_of }}",
    ],
)
def test_what_burns_too_much_ends_by_itself(text: str) -> None:
    template = TEMPLATES.compile(text)

    with pytest.raises(TemplateRefused) as caught:
        template.render({"n": "1000000000", "long": "x" * 100, "name": "Ann"})

    assert len(str(caught.value)) < 300


def test_a_render_has_only_so_much_time() -> None:
    empty = "{% for i in (1..1000) %}" + "{% if a %}{% endif %}" * 700 + "{% endfor %}"

    with pytest.raises(TemplateRefused, match="time limit"):
        render(empty, LiquidTemplates(max_render_s=0.001))


def test_output_may_be_as_long_as_its_limit() -> None:
    assert len(render("{{ long }}", long="x" * MAX_OUTPUT_BYTES)) == MAX_OUTPUT_BYTES
    with pytest.raises(TemplateRefused):
        render("{{ long }}x", long="x" * MAX_OUTPUT_BYTES)
    with pytest.raises(TemplateRefused):
        render("{{ long }}", long="é" * MAX_OUTPUT_BYTES)


_BITS = st.sampled_from(
    ["{{", "}}", "{%", "%}", "name", " | ", "if ", "endif", "for i in (1..9)", "endfor", "'", ":",
     "assign x = ", "x", "append", "date", "-", "\n", "1", "..", "(", ")", "🦩", "\udcff"]
)  # fmt: skip


@given(st.lists(_BITS, max_size=14).map("".join), st.text(max_size=8))
def test_no_text_and_no_value_does_more_than_be_refused(text: str, value: str) -> None:
    try:
        shown = render(text, name=value, x=value)
    except TemplateRefused:
        return

    assert isinstance(shown, str)
