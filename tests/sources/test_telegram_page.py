import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.sources.telegram_web.page import PreviewPage, mark_page, read_embed, read_page
from bot.world.pages import list_page, post_page
from bot.world.state import Markup, World, WorldFile
from storage.records import FetchedPost, Seen

GOLDEN = Path(__file__).parent / "golden" / "telegram_web"
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
MARKUPS: tuple[Markup, ...] = ("2023", "2026")


def as_expected(post: FetchedPost) -> dict[str, Any]:
    fields = {key: value for key, value in dataclasses.asdict(post).items() if key != "raw"}
    fields["media"] = [{key: value for key, value in file.items() if value is not None} for file in fields["media"]]
    kept = {key: value for key, value in fields.items() if value not in (None, "", (), [], False)}
    plain: dict[str, Any] = json.loads(json.dumps(kept))
    return plain


def block(content: str, post: str = "desk/5", more: str = "") -> bytes:
    return (
        '<section class="tgme_channel_history"><div class="tgme_widget_message_wrap"><div class="tgme_widget_message" '
        f'data-post="{post}" {more}><div class="tgme_widget_message_bubble">{content}</div></div></div></section>'
    ).encode()


def visited(words: str, *, channel: int = -1_700_000_001, at: int = 0, post: str = "desk/5") -> bytes:
    view = base64.urlsafe_b64encode(json.dumps({"c": channel, "p": 5, "t": at, "h": str(at)}).encode()).decode()
    page = f'<div class="tgme_widget_message js-widget_message" data-post="{post}" data-view="{view}">{words}</div>'
    return page.encode()


def test_two_pages_have_one_mark_if_only_the_time_of_the_visit_and_the_views_differ() -> None:
    views = '<span class="tgme_widget_message_views">{}</span>'
    mark = mark_page(visited("Calm", at=1))
    assert mark_page(visited("Calm", at=2)) == mark
    assert mark_page(visited("Calm" + views.format("102"))) == mark_page(visited("Calm" + views.format("1.2K")))
    hidden = 'data-post="desk/5" data-view="{}"'
    changed = [
        *(visited("Calm.", at=1), visited("Calm", at=1, channel=-1_700_000_002), visited("Calm", at=1, post="desk/6")),
        *(visited("Calm", at=1) + rest for rest in (b" ", hidden.format("a").encode(), hidden.format("b").encode())),
    ]
    assert len({mark, *map(mark_page, changed)}) == len(changed) + 1


def only(page: PreviewPage) -> FetchedPost:
    (post,) = page.posts
    return post


@pytest.mark.parametrize("markup", MARKUPS)
def test_every_kind_of_post_is_read_in_both_markups(markup: Markup) -> None:
    page = read_page((GOLDEN / f"{markup}.html").read_bytes())
    expected = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))
    assert [as_expected(post) for post in page.posts] == expected["posts"]
    assert expected["page"] == {
        "channel_id": page.channel_id,
        "handle": page.handle,
        "title": page.title,
        "older": page.older,
        "span": [page.span.low, page.span.high] if page.span else None,
        "quarantined": [piece.reason for piece in page.quarantined],
    }


@pytest.mark.parametrize("markup", MARKUPS)
def test_the_raw_bytes_of_a_post_are_a_piece_of_the_page_as_received(markup: Markup) -> None:
    html = (GOLDEN / f"{markup}.html").read_bytes()
    page = read_page(html)
    pieces = [post.raw.data for post in page.posts] + [piece.raw.data for piece in page.quarantined]
    assert all(html.count(piece) == 1 for piece in pieces)
    assert all(f'data-post="Golden_Desk/{post.native_id}"'.encode() in post.raw.data for post in page.posts)


@pytest.mark.parametrize("markup", MARKUPS)
def test_a_post_reads_the_same_on_the_list_and_on_its_own_page(markup: Markup) -> None:
    world = World()
    world.open_channel("desk", "Desk", markup=markup)
    world.publish("desk", "Words 🙂 #tag @other_desk\nhttps://example.org/?a=1&b=2", author="Nang K.")
    world.publish("desk", "Album", attachments=[WorldFile("photo", "a.png"), WorldFile("photo", "b.png")])
    world.publish("desk", "Voice", attachments=[WorldFile("voice", "v.ogg", duration="0:04")])
    world.edit("desk", 2, "Other words")
    listed = read_page(list_page(world.show_page("desk"), "http://w", 0).encode()).posts
    for post in listed[1:]:
        alone = read_embed(
            post_page(world.channel("desk"), world.show_message("desk", int(post.native_id)), "http://w", 9).encode()
        )
        assert alone.post is not None
        assert dataclasses.replace(alone.post, raw=post.raw) == post


def test_a_deleted_post_is_told_from_a_page_that_is_something_else() -> None:
    world = World()
    world.open_channel("desk", "Desk")
    assert read_embed(post_page(world.channel("desk"), None, "http://w", 0).encode()).not_found
    for other in (
        b"",
        b"<html><h1>Just a moment...</h1></html>",
        b'<div class="tgme_widget_message_error">Later</div>',
    ):
        embed = read_embed(other)
        assert (embed.post, embed.not_found) == (None, False)


def test_the_link_to_older_posts_is_found_in_the_head_or_in_the_body() -> None:
    more = b'<a class="tme_messages_more" data-before="71" href="/s/desk?before=71"></a>'
    assert read_page(b'<link rel="prev" href="/s/desk?before=70">' + more).older == 70
    assert read_page(more).older == 71
    assert read_page(b'<link rel="canonical" href="/s/desk?before=99">').older is None
    assert read_page(b'<link rel="prev" href="/s/desk?before=' + b"9" * 5000 + b'">').older is None


def test_a_bare_author_before_the_word_edited_is_the_author() -> None:
    meta = '<span class="tgme_widget_message_meta">{}<a class="tgme_widget_message_date"><time datetime="{}"></time></a></span>'
    when = "2026-03-01T10:00:00+00:00"
    post = only(read_page(block(meta.format("Nang K., edited &nbsp;", when))))
    assert (post.author, post.edited) == ("Nang K.", True)
    post = only(read_page(block(meta.format("edited,&nbsp;", when))))
    assert (post.author, post.edited) == ("edited", False)


def test_a_reply_into_another_channel_names_that_channel() -> None:
    reply = '<a class="tgme_widget_message_reply" href="https://t.me/Other_Desk/7?single"></a>'
    assert only(read_page(block(reply))).reply_to == "Other_Desk/7"


def test_a_page_full_of_empty_posts_is_recognised_as_changed_markup() -> None:
    assert read_page(b"".join(block("", f"desk/{number}") for number in range(1, 21))).without_words
    assert not read_page(b"".join(block("", f"desk/{number}") for number in range(1, 4))).without_words


def test_the_same_post_twice_on_a_page_is_kept_once_and_the_other_is_quarantined() -> None:
    text = '<div class="tgme_widget_message_text">{}</div>'
    page = read_page(block(text.format("one")) + block(text.format("two")))
    assert only(page).text == "one"
    assert [piece.native_id for piece in page.quarantined] == ["5"]
    assert b"two" in page.quarantined[0].raw.data


@pytest.mark.parametrize(
    "view",
    ["", "!!!!", "e30", "bnVsbA", "W10", base64.urlsafe_b64encode(b"[" * 900).decode(), "eyJjIjoxMH0", "A" * 5000],
)
def test_a_damaged_channel_id_is_none(view: str) -> None:
    assert read_page(block("", more=f'data-view="{view}"')).channel_id is None


@pytest.mark.parametrize("post", ["", "desk", "desk/", "desk/-1", "desk/0", "desk/1.5", "desk/٣", "desk/2147483648"])
def test_bad_input_63_an_absurd_id_is_quarantined_with_its_bytes(post: str) -> None:
    page = read_page(block("words", post) + block("", "desk/6"))
    assert [one.native_id for one in page.posts] == ["6"]
    assert b"words" in page.quarantined[0].raw.data


@pytest.mark.parametrize(
    ("raw", "at"),
    [
        ("2026-03-01T16:30:00+06:30", 1772359200000000),
        ("2026-03-02T00:00:00+14:00", 1772359200000000),
        ("2026-03-01T10:00:00", 1772359200000000),
        ("9999-12-31T23:59:59-12:00", 253402343999000000),
        ("0000-01-01T00:00:00+00:00", None),
        ("2016-12-31T23:59:60+00:00", None),
        ("soon", None),
        ("", None),
    ],
)
def test_bad_input_64_a_strange_time_keeps_its_string(raw: str, at: int | None) -> None:
    time_of = f'<span class="tgme_widget_message_meta"><time datetime="{raw}"></time></span>'
    post = only(read_page(block(time_of)))
    assert (post.posted_at, post.posted_raw) == (at, raw)


def test_bad_input_62_nul_bytes_and_broken_encoding_become_replacement_characters() -> None:
    html = block('<div class="tgme_widget_message_text">a&#0;b ￿ &#xd800; c</div>').replace(
        "￿".encode(), b"\xff\x00\xfe"
    )
    post = only(read_page(html))
    assert "\0" not in post.text
    assert post.text.startswith("a\ufffdb")
    assert b"\xff\x00\xfe" in post.raw.data


def test_a_page_of_10_mb_or_of_endless_nesting_is_refused_unparsed() -> None:
    monsters = (
        b"<div>" * 2_000_000,
        b"<div>" * 300_000 + b"</div>" * 300_000,
        b"<font a=1><p>" * 9_000,
        block("").replace(b"</section>", b"") * 30_000,
    )
    for monster in monsters:
        page = read_page(monster)
        assert (page.posts, page.is_preview) == ((), False)


@pytest.mark.parametrize("markup", ["2023", "2026"])
def test_a_page_of_posts_full_of_emoji_is_read_whole(markup: Markup) -> None:
    world = World()
    world.open_channel("desk", "Desk", markup=markup, first_id=5)
    for _ in range(20):
        world.publish("desk", "We won. " + "\N{GRINNING FACE}" * 1_500)
    page = read_page(list_page(world.show_page("desk"), "https://t.me", world.clock.now()).encode())
    assert [post.text.count("\N{GRINNING FACE}") for post in page.posts] == [1_500] * 20


def test_a_large_page_of_plain_words_is_read_whole() -> None:
    post = only(read_page(block(f'<div class="tgme_widget_message_text">{"word " * 800_000}</div>')))
    assert len(post.text) == 5 * 800_000 - 1


@PATIENT
@given(st.binary(max_size=400))
def test_no_bytes_make_the_reader_fail(data: bytes) -> None:
    read_embed(data)
    read_page(data)
    page = read_page(block("").replace(b"</section>", data))
    assert page.span in (None, Seen(5, 5))


ATTRIBUTES = st.sampled_from(["href", "src", "style", "datetime", "data-webp", "srcset", "onclick", "data-view"])
CLASSES = st.sampled_from(
    [
        *("text", "meta", "date", "views", "reply", "forwarded_from", "forwarded_from_name", "link_preview", "poll"),
        *("photo_wrap", "video_player", "roundvideo_player", "voice_player", "document_wrap", "document_extra"),
        *("sticker_wrap", "location_wrap", "grouped_wrap", "from_author", "poll_option_text", "service_photo"),
    ]
)
VALUES = st.sampled_from(
    [
        "",
        "//",
        "https://",
        "https://t.me/a/9999999999999",
        "url('x",
        "background-image:url()",
        "-1",
        "/5?single",
        "\0",
        "🙂",
    ]
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    name = draw(st.sampled_from(["a", "div", "span", "time", "i", "video", "audio", "br", "img", "source"]))
    attributes = " ".join(f'{key}="{value}"' for key, value in draw(st.dictionaries(ATTRIBUTES, VALUES)).items())
    inner = draw(st.lists(elements(depth - 1), max_size=3)) if depth else [draw(st.text(max_size=9))]
    return f'<{name} class="tgme_widget_message_{draw(CLASSES)}" {attributes}>{"".join(inner)}</{name}>'


@PATIENT
@given(st.lists(elements(), max_size=4))
def test_elements_in_any_order_with_any_attributes_are_read_or_quarantined(content: list[str]) -> None:
    page = read_page(block("".join(content).encode("utf-8", "replace").decode()))
    assert len(page.posts) + len(page.quarantined) >= 1
    for post in page.posts:
        keys = [file.key for file in post.media]
        assert len(keys) == len(set(keys))
        assert all(file.url is None or file.url.startswith(("http://", "https://")) for file in post.media)
        assert all(file.url is not None or file.reason for file in post.media)


@pytest.mark.parametrize("inside", [" " * 100_000, "'" + "a" * 100_000, "background-image:url(" * 5_000])
def test_a_style_without_an_end_is_no_picture_and_holds_nobody_up(inside: str) -> None:
    photo = '<a class="tgme_widget_message_photo_wrap" href="https://t.me/desk/5" style="background-image:url({})"></a>'
    [post] = read_page(block(photo.format("'https://cdn.example.org/a(1).jpg'"))).posts
    assert [file.url for file in post.media] == ["https://cdn.example.org/a(1).jpg"]
    [post] = read_page(block(photo.replace(')"', '"').format(inside))).posts
    assert [file.url for file in post.media] == [None]
