from __future__ import annotations

from types import MappingProxyType

import pytest

from heliograph.core.errors import InvalidRequest
from heliograph.core.model.audience import Recipient
from heliograph.core.model.notification import Content
from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.templating import FilledContent, simplified, template_problems
from heliograph.core.ports import TemplateRefused
from heliograph.rendering.liquid import LiquidTemplates

TEMPLATES = LiquidTemplates(max_render_s=5.0)


def content(**parts: object) -> Content:
    return Content(is_template=True, **parts)  # type: ignore[arg-type]


def test_every_text_is_filled_in_and_nothing_else() -> None:
    given = content(
        title="Hi {{ name }}",
        body="{{ name | default: 'x' }}",
        sound="{{ name }}",
        overrides={
            ProviderName.APNS: {"aps": {"alert": {"subtitle": "for {{ name }}"}, "badge": 1}},
            ProviderName.FCM: {"{{ name }}": ["{{ name }}", True, None, {"k": "plain"}]},
        },
    )

    made = FilledContent(TEMPLATES, given).fill_in({"name": "Ann"})

    assert (made.title, made.body, made.sound) == ("Hi Ann", "Ann", "{{ name }}")
    assert made.overrides == {
        ProviderName.APNS: {"aps": {"alert": {"subtitle": "for Ann"}, "badge": 1}},
        ProviderName.FCM: {"{{ name }}": ["Ann", True, None, {"k": "plain"}]},
    }
    assert not made.is_template
    assert given.title == "Hi {{ name }}"


def test_every_bad_template_is_named_by_its_path() -> None:
    bad = content(
        title="{{ a",
        body="{% if %}",
        overrides={ProviderName.FCM: {"data": {"k": ["fine", "{{ b"]}}},
    )

    with pytest.raises(InvalidRequest) as caught:
        FilledContent(TEMPLATES, bad)

    assert [problem.path for problem in caught.value.problems] == [
        ("content", "title"),
        ("content", "body"),
        ("content", "overrides", "fcm", "data", "k", 1),
    ]


def test_what_fails_for_some_recipient_is_named_at_acceptance() -> None:
    looping = content(title="fine", body="{% for i in (1..n) %}x{% endfor %}")
    modest, greedy = ({"n": n} for n in ("3", "1000000"))

    def paths(*variables: dict[str, str]) -> list[tuple[object, ...]]:
        recipients = [Recipient(variables=MappingProxyType(each)) for each in variables]
        return [each.path for each in template_problems(TEMPLATES, looping, recipients)]

    assert paths() == []
    assert paths(modest, modest) == []
    assert paths(modest, greedy) == [("content", "body")]
    # Later ones are found out when their turn comes.
    assert paths(*[modest] * 20, greedy) == []
    with pytest.raises(TemplateRefused):
        FilledContent(TEMPLATES, looping).fill_in(greedy)


def test_content_without_a_place_is_no_template() -> None:
    plain = content(title="50% {off}", body="{ }", overrides={ProviderName.APNS: {"a": "b"}})

    assert not simplified(plain).is_template
    assert simplified(content(body="x", overrides={ProviderName.APNS: {"a": "{{b}}"}})).is_template
    assert simplified(content(body="{% x %}")).is_template
