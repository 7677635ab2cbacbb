import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from bot.alerts.sample import sample_data
from bot.alerts.targets.webhook.template import fill_template, find_problem
from bot.config import load
from bot.config.environment import Environment
from bot.contracts.message import Message
from bot.contracts.target import MessageRefused
from bot.errors import ConfigError, Never
from bot.listing.kinds import every_kind
from tests.targets.test_webhook import Kept, receiver  # noqa: F401 - the fixture

HOSTILE = '", "admin": true, "x": "\\ \n\u2028 <b>&</b> \x00 ထ {{ rule }} %0A&a=1'


def document(text: str = HOSTILE, kind: str = "match", **more: Any) -> dict[str, object]:
    data: dict[str, Any] = sample_data()
    return {
        "type": kind,
        "id": "msg_1",
        "timestamp": "now",
        "data": data | {"post": data["post"] | {"text": text}} | more,
    }


@pytest.fixture
def filled(around: Any, receiver: Kept) -> Any:  # noqa: F811
    """Send a message by a template, and give back what arrived."""

    def fill(template: str, mime: str = "application/json", **message: Any) -> bytes:
        path = around.directory / "template"
        path.write_text(template, encoding="utf-8")
        keys = {"kind": "webhook", "url": receiver.url, "template_file": path, "content_type": mime}
        asyncio.run(around.send(keys, **({"document": document()} | message)))
        assert receiver.headers["content-type"] == mime
        return receiver.body

    return fill


@pytest.mark.parametrize(
    "template",
    [
        '{"said": "{{ post.text }}", "by": {{ source|tojson }}}',
        '{"said": {{ post.text|tojson }}, "by": "{{ source }}"}',
        '{% set said = post.text %}{"said": "{{ said }}", "by": "{{ source }}"}',
        '{% macro m(x) %}"{{ x }}"{% endmacro %}{"said": {{ m(post.text) }}, "by": {{ m(source) }}}',
    ],
)
def test_no_word_of_a_post_breaks_out_of_json(template: str, filled: Any) -> None:
    assert json.loads(filled(template)) == {"said": HOSTILE, "by": "sample-source"}


def test_html_escapes_are_no_escapes_of_json(filled: Any) -> None:
    said = json.loads(filled('{"said": "{{ post.text|e }}", "rule": "{{ rule }}"}'))
    assert said.keys() == {"said", "rule"}


def test_other_forms_escape_as_they_need(filled: Any) -> None:
    form = "text={{ post.text }}&rule={{ rule|urlencode }}&alert={{ alert }}"
    body = filled(form, "application/x-www-form-urlencoded")
    assert parse_qs(body.decode()) == {"text": [HOSTILE], "rule": ["sample-rule"], "alert": ["0"]}
    assert filled("<p>{{ post.text }}</p>", "text/html").count(b"<b>") == 0
    assert filled("{{ post.text }}", "text/plain") == HOSTILE.encode()


def test_loops_conditions_and_every_name_work(filled: Any) -> None:
    template = (
        '{"a": [{% for one in matched %}"{{ one.text }}"{{ "," if not loop.last }}{% endfor %}], "b": {{ alert }},'
        ' "c": "{{ rule }} {{ source }} {{ event.id }}", "d": {{ post.media|length }}, "e": {{ post.deleted_at|tojson }}}'
    )
    assert json.loads(filled(template)) == {
        "a": ["hold the town"], "b": 0, "c": "sample-rule sample-source 1", "d": 1, "e": None,
    }  # fmt: skip


def test_messages_of_other_types_fill_it_too(filled: Any) -> None:
    health = {"type": "health", "id": "msg_2", "timestamp": "now", "data": {"about": "source x", "text": "it fails"}}
    template = (
        '{"t": "{{ type }}", "say": {{ text|tojson }}, "post": {{ post.text|tojson }}, "n": {{ matched|length }}}'
    )
    said = json.loads(filled(template, document=health, plain="Communiqué health: it fails"))
    assert said == {"t": "health", "say": "Communiqué health: it fails", "post": None, "n": 0}


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ('{"a": {{ post.text }}', "does not give JSON"),
        ("hello", "does not give JSON"),
        ('{"a": NaN}', "does not give JSON"),
        ("{% for a in range(100000) %}x{% endfor %}", "at most 1,000"),
        (
            "{% for a in range(1000) %}{% for b in range(1000) %}{{ post.text }}{% endfor %}{% endfor %}",
            "1,048,576 bytes",
        ),
        ("{{ 'x'|center(2000000000) }}", "memory"),
        ("{{ 'x' * 1000000000 }}", "only for numbers"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ post.nothing }}", "nothing"),
        ("{{ 1 / 0 }}", "division"),
    ],
)
def test_what_a_template_may_not_do_is_refused_for_this_message(template: str, why: str, filled: Any) -> None:
    with pytest.raises(MessageRefused, match=why):
        filled(template)


def test_a_template_that_never_ends_is_ended(message: Message) -> None:
    loops = "".join(f"{{% for a{depth} in range(1000) %}}" for depth in range(4)) + "{% endfor %}" * 4
    with pytest.raises(MessageRefused, match="takes longer than 1 s"):
        asyncio.run(fill_template(loops, "text/plain", message, seconds=1))


def test_a_template_that_is_gone_suspends_the_target(around: Any, receiver: Kept) -> None:  # noqa: F811
    keys = {"kind": "webhook", "url": receiver.url, "template_file": around.directory / "none"}
    with pytest.raises(Never, match="cannot be read"):
        asyncio.run(around.send(keys))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ ruel }}", 'nothing is called "ruel" here; did you mean "rule"?'),
        ("{{ post.titel }}", 'nothing is called "titel" there; did you mean "title"?'),
        ("{% for one in matched %}{{ one.txt }}{% endfor %}", '"txt" there'),
        ("{{ post['titel'] }}", '"titel" there'),
        ("{{ rule }", "line 1"),
        ("{{ rule|nofilter }}", "nofilter"),
        ("\n{% if rule %}", "line 2"),
        ("{% include 'x' %}", "cannot use another file"),
        ("{% import 'x' as x %}", "cannot use another file"),
        ("{% set p = post %}{{ p.titel }}", '"titel" there'),
        ("{% with p = post %}{{ p.titel }}{% endwith %}", '"titel" there'),
        ("{% for one in matched %}{% set m = one %}{% if not m %}{{ m.txt }}{% endif %}{% endfor %}", '"txt" there'),
        ("{{ post|attr('titel') }}", '"titel" there'),
        ("{% if not post %}{{ post.get('titel') }}{% endif %}", '"titel" there'),
        ("{% set f = 'tit' ~ 'el' %}{{ post[f] }}", "with a sample alert"),
        ("{% macro m(p) %}{{ p.titel }}{% endmacro %}{{ m(post) }}", "with a sample alert"),
        ("{% set p = post %}{% if 0 %}{% set p = event %}{% endif %}{{ p.title }}", ""),
        ("{{ alert }} {{ rule }} {{ source }} {{ post.text }} {{ matched[0].text }} {{ event.id }} {{ type }}", ""),
        ("{% for one in post.media %}{{ one.sha256 }}{% endfor %}{% set x = 1 %}{{ x }}{{ range(3)|list }}", ""),
        ("{% for k, v in post.items() %}{{ k }}{% endfor %}", ""),
    ],
)
def test_mistakes_are_found_without_filling_it(template: str, said: str) -> None:
    problem = find_problem(template, "text/plain")
    assert said in problem
    assert bool(said) == bool(problem)


@pytest.mark.parametrize("number", ["{{ 1e999 }}", "{{ 'nan'|float }}", "{{ rule }}"])
def test_a_template_that_gives_no_json_where_json_is_announced_is_found_out(number: str) -> None:
    assert "does not give JSON" in find_problem('{"a": ' + number + "}", "application/json")


def test_config_check_names_the_mistake_in_a_template(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[[targets]]\nname = "a"\nkind = "webhook"\nurl = "https://a.example/"\ntemplate_file = "form.json"\n'
    )
    for content, said in (("{{ ruel }}", 'nothing is called "ruel"'), (None, "cannot be read: no such file")):
        (tmp_path / "form.json").unlink(missing_ok=True)
        if content is not None:
            (tmp_path / "form.json").write_text(content)
        with pytest.raises(ConfigError, match=said):
            load(path, Environment(), kinds=every_kind())
