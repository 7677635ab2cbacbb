"""HTML of strangers becomes the words that a reader sees; nothing that is left open hides the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.foreign.markup import plain

SWALLOWERS = ("iframe", "noembed", "noframes", "noscript", "object", "script", "style", "template", "textarea", "title")


@pytest.mark.parametrize("name", [*SWALLOWERS, "plaintext", "xmp", "svg", "math", "video", "select", "frameset"])
@pytest.mark.parametrize("tag", ["<{}/>", '<{} src="https://v.example/?a=1&b=2" />', "<{}>", '<{} title="a > b">'])
@pytest.mark.parametrize("around", ["{}<p>the garrison is lost</p>", "<p>before</p>{}<div>the garrison is lost"])
def test_no_tag_that_is_left_open_hides_the_words_behind_it(name: str, tag: str, around: str) -> None:
    assert "the garrison is lost" in plain(around.format(tag.format(name)))[0]


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("<iframe src=a><p>one</p><iframe src=b></iframe>two", "one\n\ntwo"),
        ("<iframe src=a></iframe>one<iframe src=b/>two", "onetwo"),
        ("<IFRAME SRC=a />one", "one"),
        ("<object data=a><p>the ferry sank</p></object>two", "the ferry sank\n\ntwo"),
        ("<object data=a><param name=b><embed src=c>words</object>", "words"),
        ("one<!-- two <p>three</p>", "one two\n\nthree"),
        ("one<!-- two --><!-- three <p>four</p>", "one three\n\nfour"),
        ("one<!-- two -->three", "onethree"),
        ("<![CDATA[<p>one</p>]]>two", "one\n\ntwo"),
        ("<frameset><p>one</p>", "one"),
        ("<title>one</title><p>two</p>", "two"),
        ("<style>p{}</style><script>a('<script>')</script>one", "one"),
        ("<script>a</script>one<script>b</script>two<style/>three", "onetwothree"),
        ("<noscript>a</noscript>one<noscript>two", "onetwo"),
        ("<iframe srcdoc='<p>a</p>'></iframe>one", "one"),
    ],
)
def test_hidden_and_shown_words_are_kept_apart(markup: str, words: str) -> None:
    assert plain(markup)[0] == words


@given(st.lists(st.sampled_from(["<iframe>", "</iframe>", "<script ", "/>", "'", '"', "<!--", "-->", "word", "<p>"])))
def test_words_behind_everything_are_never_hidden(pieces: list[str]) -> None:
    markup = "".join(pieces)
    assert "\n\n\n" not in plain(markup)[0]
    if not set(pieces) & {"'", '"', "<script ", "<!--"}:
        assert plain(markup + "<b>garrison</b>")[0].endswith("garrison")
