"""An entry of a feed is made of its own children: every body once, and nothing that is nested deeper."""

import gc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.foreign.feed.parsed import ParsedEntry, ParsedFeed, Unreadable, join_bodies
from bot.foreign.feed.rss_atom import find_entry_spans, read_xml_feed
from bot.foreign.xml_tree import UnfoldingEntities, read_tree

SPACES = (
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:og="https://og.example/ns#"'
)
REPORT = "Contact with the garrison was lost."


def no_time(words: str) -> int | None:
    return None


def document(text: str) -> ParsedFeed:
    return read_xml_feed(text, "https://n.example/feed", 100, find_entry_spans(text.encode()), no_time)


def rss(inside: str) -> str:
    return f'<rss version="2.0" {SPACES}><channel><title>Hill Tribune</title>{inside}</channel></rss>'


def entry(inside: str) -> ParsedEntry:
    (found,) = document(rss(f"<item>{inside}</item>"))["entries"]
    return found


def test_a_tree_that_was_read_is_gone_from_memory_at_once() -> None:
    gc.collect()
    gc.disable()
    try:
        read_tree(rss("<item><title>Calm</title><group><title>Calm</title></group></item>"), alone=frozenset())
        assert gc.collect() == 0
    finally:
        gc.enable()


def atom(inside: str) -> ParsedEntry:
    text = f'<feed xmlns="http://www.w3.org/2005/Atom" {SPACES}><title>H</title><entry>{inside}</entry></feed>'
    (found,) = document(text)["entries"]
    return found


# Two bodies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        "<content:encoded/>",
        "<content:encoded></content:encoded>",
        "<content:encoded>...</content:encoded>",
        "<content:encoded><![CDATA[<p>&nbsp;</p><br/>]]></content:encoded>",
        "<content:encoded><![CDATA[<img src='a.png'>]]></content:encoded>",
        '<atom:content src="https://n.example/x" type="text/html"/>',
        "<itunes:summary> </itunes:summary>",
        "<itunes:subtitle>…</itunes:subtitle>",
        "<dc:description/>",
        "<media:description/>",
        f"<content:encoded>{REPORT}</content:encoded>",
        "<content:encoded><![CDATA[<p>Contact with the <b>garrison</b>\nwas lost.</p>]]></content:encoded>",
        "<itunes:summary>Contact with the gar…</itunes:summary>",
        "<summary>Contact with the [...]</summary>",
        "<dc:description>Contact with the [&amp;#8230;] Read more</dc:description>",
    ],
)
def test_a_second_body_that_says_nothing_new_changes_nothing(other: str) -> None:
    for order in ("{own}{other}", "{other}{own}"):
        found = entry(order.format(own=f"<description>{REPORT}</description>", other=other))
        assert " ".join(found["text"].split()) == REPORT
        assert found["captions"] == []


@pytest.mark.parametrize(
    "other",
    [
        "<content:encoded>The bridge of Hkam is burnt.</content:encoded>",
        "<atom:content>The bridge of Hkam is burnt.</atom:content>",
        '<atom:content type="xhtml"><div><p>The <b>bridge</b> of Hkam is burnt.</p></div></atom:content>',
        '<body xmlns="http://www.w3.org/1999/xhtml"><p>The bridge of Hkam is burnt.</p></body>',
        "<summary>The bridge of Hkam is burnt.</summary>",
        "<description>The bridge of Hkam is burnt.</description>",
        "<itunes:summary>The bridge of Hkam is burnt.</itunes:summary>",
        "<itunes:subtitle>The bridge of Hkam is burnt.</itunes:subtitle>",
        "<dc:description>The bridge of Hkam is burnt.</dc:description>",
        '<y:full-text xmlns:y="http://news.yandex.ru">The bridge of Hkam is burnt.</y:full-text>',
        "<fullItem>The bridge of Hkam is burnt.</fullItem>",
    ],
)
def test_every_body_is_read_whatever_its_place(other: str) -> None:
    for order in ("{own}{other}", "{other}{own}"):
        text = entry(order.format(own=f"<description>{REPORT}</description>", other=other))["text"]
        assert REPORT in text
        assert "The bridge of Hkam is burnt." in text


@pytest.mark.parametrize(
    "caption",
    [
        "<media:description>A bridge, last year.</media:description>",
        '<media:content url="a.jpg"><media:description>A bridge, last year.</media:description></media:content>',
        '<media:group><media:content url="a.jpg"/><media:description>A bridge, last year.</media:description></media:group>',
        "<media:text>A bridge, last year.</media:text>",
    ],
)
def test_a_caption_is_read_beside_the_report_and_is_the_text_where_there_is_no_other(caption: str) -> None:
    for order in ("{own}{caption}", "{caption}{own}"):
        found = entry(order.format(own=f"<description>{REPORT}</description>", caption=caption))
        assert (found["text"], found["captions"]) == (REPORT, ["A bridge, last year."])
    alone = entry(f"<title>T</title>{caption}")
    assert "A bridge, last year." in (alone["text"], *alone["captions"])


def test_the_links_of_every_body_are_kept_once() -> None:
    found = entry(
        "<description><![CDATA[<a href='/a'>map</a> one]]></description>"
        "<content:encoded><![CDATA[<a href='/a'>map</a> two <a href='/b'>list</a>]]></content:encoded>"
    )
    assert found["links"] == [("map", "https://n.example/a"), ("list", "https://n.example/b")]


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ('<summary>Seal broken.</summary><content src="https://n.example/x" type="text/plain"/>', "Seal broken."),
        ('<content type="html">&lt;p>One&lt;/p></content><summary>Two</summary>', "One\n\nTwo"),
        ('<content type="text">3 &lt; 4 &amp;amp; 5</content>', "3 < 4 &amp; 5"),
        ('<content type="image/png">aGVsbG8=</content><summary>Words</summary>', "Words"),
        ('<content type="application/x" >YSBub3Rl</content>', "a note"),
        (
            '<summary type="xhtml"><x:div xmlns:x="http://www.w3.org/1999/xhtml"><x:br/>A<x:p>B</x:p></x:div></summary>',
            "A\n\nB",
        ),
        ("<content>plain &lt;b>bold&lt;/b></content>", "plain bold"),
    ],
)
def test_the_kinds_of_content_of_atom(inside: str, text: str) -> None:
    assert atom(f"<id>1</id>{inside}")["text"] == text


@pytest.mark.parametrize(
    ("bodies", "joined"),
    [
        (["the cart", "art"], "the cart\n\nart"),
        (["party and art", "art"], "party and art"),
        (["artful", "art"], "artful\n\nart"),
        (["artful", "art…"], "artful"),
    ],
)
def test_a_body_is_said_where_its_words_are_whole_or_cut_off(bodies: list[str], joined: str) -> None:
    assert join_bodies(bodies) == joined


@given(st.lists(st.sampled_from(["", "...", "One.", "One. Two.", "One. T…", "Three.", "Two.\n\nThree."]), max_size=5))
def test_joined_bodies_say_everything_and_nothing_twice(bodies: list[str]) -> None:
    joined = join_bodies(bodies)
    for body in bodies:
        for sentence in ("One.", "Two.", "Three."):
            assert sentence not in body or sentence in joined
    if any("." in body.replace("...", "") for body in bodies):
        assert "..." not in joined
    assert joined.count("Three.") <= 1


# Nested children --------------------------------------------------------------------------------------------------

OWN = "<title>Governor resigns</title><link>https://n.example/1</link><description>He left.</description><guid>g</guid>"


@pytest.mark.parametrize(
    "nested",
    [
        "<image><url>i.png</url><title>WRONG</title><link>https://wrong.example/</link><description>WRONG</description></image>",
        "<og><title>WRONG</title><description>WRONG</description><link>https://wrong.example/</link></og>",
        "<author><name>Hla</name><title>WRONG</title><link>https://wrong.example/</link><id>WRONG</id></author>",
        '<source url="https://wrong.example/"><title>WRONG</title><id>WRONG</id><pubDate>WRONG</pubDate></source>',
        "<atom:source><atom:title>WRONG</atom:title><atom:id>WRONG</atom:id></atom:source>",
        "<media:group><media:title>WRONG</media:title><title>WRONG</title><link>https://wrong.example/</link></media:group>",
        "<media:content url='a.jpg'><media:title>WRONG</media:title></media:content>",
        "<category>News<title>WRONG</title><guid>WRONG</guid></category>",
        "<related><item><title>WRONG</title><guid>WRONG</guid></item></related>",
        "<item><title>WRONG</title><guid>WRONG</guid><description>WRONG</description></item>",
        "<og:title>WRONG</og:title><og:description>WRONG</og:description>",
        "<enclosure url='a.mp3'><title>WRONG</title></enclosure>",
    ],
)
def test_only_direct_children_are_the_entrys_own(nested: str) -> None:
    for inside in (OWN + nested, nested + OWN):
        found = entry(inside)
        assert (found["title"], found["link"], found["text"], found["guid"]) == (
            "Governor resigns", "https://n.example/1", "He left.", "g",
        )  # fmt: skip
        assert found["published_raw"] == ""
        assert "WRONG" not in found["captions"]


def test_an_entry_without_its_own_title_takes_none_of_a_picture() -> None:
    assert entry("<guid>g</guid><image><title>Logo</title></image>")["title"] == ""
    assert entry("<guid>g</guid><media:group><media:title>Video</media:title></media:group>")["title"] == "Video"


def test_an_item_that_is_never_closed_does_not_hide_the_next() -> None:
    text = rss("<item><title>One</title><item><title>Two</title></item><item><title>Three</title></item>")
    assert [each["title"] for each in document(text)["entries"]] == ["One", "Two", "Three"]


@pytest.mark.parametrize(
    "text",
    [
        '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel><title>Hill</title></channel>{}</r:RDF>',
        '<x:feed xmlns:x="http://www.w3.org/2005/Atom"><x:title>Hill</x:title><x:entry><x:id>g</x:id><x:title>Note</x:title></x:entry></x:feed>',
        '<rss xmlns="http://backend.userland.com/rss2"><channel><title>Hill</title>{}</channel></rss>',
        '<rss xmlns="https://unknown.example/rss"><channel><title>Hill</title>{}</channel></rss>',
        "<RSS><Channel><Title>Hill</Title><Item><Guid>g</Guid><Title>Note</Title></Item></Channel></RSS>",
        "<rss><channel><title>Hill</title>{}",
        '<feed xmlns="http://purl.org/atom/ns#" version="0.3"><title>Hill</title><entry><id>g</id><title>Note</title></entry></feed>',
    ],
)
def test_every_usual_vocabulary_is_understood(text: str) -> None:
    found = document(text.replace("{}", "<item><guid>g</guid><title>Note</title></item>"))
    assert found["title"] == "Hill"
    assert [(each["guid"], each["title"]) for each in found["entries"]] == [("g", "Note")]


# XML that is not well-formed, or means harm -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prolog", "words", "read"),
    [
        (
            '<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//N//DTD RSS 0.91//EN" "http://n.example/rss.dtd">',
            "Comit&eacute;",
            "Comité",
        ),
        ('<!DOCTYPE rss [<!ENTITY nbsp "&#160;">]>', "a&nbsp;b", "a b"),
        (
            "<!DOCTYPE rss [<!ENTITY org 'Ministry of Rivers'> <!-- c --> <!ELEMENT rss ANY>]>",
            "The &org;",
            "The Ministry of Rivers",
        ),
        ('<!DOCTYPE rss [\n<!ENTITY amp "&#38;#38;">\n]>\n', "a &amp; b", "a & b"),
        ("", "R&D &c &unknown; a&nbsp;b &#x41;&#66;", "R&D &c &unknown; a b AB"),
        ("", "<![CDATA[one]]> & <![CDATA[two]]>", "one & two"),
        ("\n<!-- c -->\n", "one <!-- <item> --> two", "one two"),
    ],
)
def test_letters_survive_a_harmless_document_type(prolog: str, words: str, read: str) -> None:
    (found,) = document(prolog + rss(f"<item><title>{words}</title></item>"))["entries"]
    assert found["title"] == read


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "ha"><!ENTITY b "&a;&a;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY a PUBLIC "x" "https://n.example/x">',
        '<!ENTITY % p "x">',
        "%p;",
        f'<!ENTITY a "{"x" * 101}">',
        "<!ENTITY",
    ],
)
def test_entities_that_unfold_or_lead_elsewhere_are_refused(declared: str) -> None:
    with pytest.raises(UnfoldingEntities):
        read_tree(f"<!DOCTYPE rss [{declared}]><rss/>", alone=frozenset())
    with pytest.raises(Unreadable, match="declares its own entities"):
        document(f"<!DOCTYPE rss [{declared}]>" + rss("<item><title>&a;</title></item>"))


def test_letters_that_somebody_encoded_wrongly_are_put_right() -> None:
    assert entry("<description>\x93Caf\u00c3\u00a9\x94</description><guid>g</guid>")["text"] == "“CafÃ©”"
    assert entry("<description>Caf\u00c3\u00a9</description><guid>g</guid>")["text"] == "Café"


def test_signs_alone_are_the_text_where_there_are_no_words() -> None:
    assert entry("<guid>g</guid><description>!!!</description>")["text"] == "!!!"
    assert entry("<guid>g</guid><description>!!!</description><summary>No</summary>")["text"] == "No"


def test_the_first_time_that_is_understood_is_taken_and_else_the_first_words() -> None:
    item = "<guid>g</guid><pubDate>soon</pubDate><dc:date>1</dc:date><atom:published>2</atom:published>"
    text = rss(f"<item>{item}</item>")
    for understood, expected in (("2", "2"), ("", "soon")):
        (found,) = read_xml_feed(text, "", 9, (), _only(understood))["entries"]
        assert found["published_raw"] == expected


def _only(understood: str) -> Callable[[str], int | None]:
    return lambda words: 7 if words == understood else None


def test_an_entry_that_was_cut_off_is_left_out_and_the_others_are_kept() -> None:
    found = document(rss("<item><title>One</title></item><item><title>Tw")[:-20].removesuffix("</channel></rss>"))
    assert [each["title"] for each in found["entries"]] == ["One"]
    assert "it ends within" in found["broken"]


def test_what_is_nested_without_end_is_read_to_its_end() -> None:
    found = document(rss("<item><description>" + "<b>x" * 5_000 + "</description><title>One</title></item>"))
    assert found["entries"][0]["text"].startswith("xx")
    assert "nested" in found["broken"]


PIECES = [
    "<item>",
    "</item>",
    "<title>",
    "</title>",
    "<b",
    ">",
    "/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "a='",
    '"',
    "x",
    "<!DOCTYPE [",
]


@given(st.lists(st.sampled_from(PIECES)))
def test_no_document_breaks_the_reading(pieces: list[str]) -> None:
    try:
        found = document(rss("".join(pieces)))
    except Unreadable as error:
        assert str(error)  # noqa: PT017 - either outcome is right, but a refusal has a sentence
    else:
        assert found["total"] == len(found["entries"])


def test_the_words_of_every_golden_feed_are_in_the_tree() -> None:
    for path in (Path(__file__).parents[1] / "sources" / "golden" / "feed").glob("*.xml"):
        tree = read_tree(path.read_text(encoding="utf-8"), alone=frozenset(("item", "entry")))
        assert tree.problem == ""
