"""What a public Telegram page shows of a post beside its text."""

from typing import Any

import pytest

from bot.sources.telegram_web.page import read_embed, read_page
from storage.posts.content import card_texts, content_hash
from storage.posts.texts import texts_of
from storage.records import FetchedPost, Link
from tests.sources.test_telegram_page import block, only

TEXT = '<div class="tgme_widget_message_text js-message_text" dir="auto">{}</div>'
HIDDEN = (
    '<div class="media_not_supported_cont"><div class="message_media_not_supported_wrap">'
    '<div class="message_media_not_supported"><div class="message_media_not_supported_label">{}</div>'
    '<a class="message_media_view_in_telegram" href="https://t.me/desk/5">VIEW IN TELEGRAM</a></div></div></div>'
)
FOOT = (
    '<div class="tgme_widget_message_footer compact"><div class="tgme_widget_message_info short">'
    '<span class="tgme_widget_message_voters">12</span><span class="tgme_widget_message_views">7</span>'
    '<span class="copyonly"> views</span><span class="tgme_widget_message_meta"><a class="tgme_widget_message_date">'
    '<time datetime="2026-11-20T08:00:00+00:00" class="time">08:00</time></a></span></div></div>'
)
MARKUPS = ("2023", "2026")


def page_of(content: str, markup: str = "2023", notice: str = "Please open Telegram to view this post") -> bytes:
    if markup == "2026":
        content = f'<div class="media_supported_cont">{content}</div>{HIDDEN.format(notice)}'
    return block(content + FOOT)


def button(words: str, href: str = "") -> str:
    return (
        '<div class="tgme_widget_message_inline_row"><a class="tgme_widget_message_inline_button url_button" '
        f'href="{href}" onclick="return confirm(this.href);"><span class="tgme_widget_message_inline_button_text" '
        f'dir="auto">{words}</span></a></div>'
    )


BOXES = {  # what is shown, and its words
    "a contact": (
        (
            '<div class="tgme_widget_message_contact_wrap"><i class="tgme_widget_message_user_photo"></i>'
            '<div class="tgme_widget_message_contact"><div class="tgme_widget_message_contact_name">Captain Hla</div>'
            '<div class="tgme_widget_message_contact_phone">+95 900 000</div></div></div>'
        ),
        ("Captain Hla\n+95 900 000",),
    ),
    "a venue": (
        (
            '<a class="tgme_widget_message_venue_wrap" href="https://maps.google.com/maps?q=1,2"><div '
            'class="tgme_widget_message_venue_info"><div>Old bridge</div><div>Road 3</div></div></a>'
        ),
        ("Old bridge\nRoad 3",),
    ),
    "a place with a name": (
        (
            '<a class="tgme_widget_message_location_wrap" href="https://maps.google.com/maps?q=1,2"><div '
            'class="tgme_widget_message_location"></div><div class="tgme_widget_message_location_info">'
            '<div class="tgme_widget_message_location_title">တံတား</div>'
            '<div class="tgme_widget_message_location_address">Road 3</div></div></a>'
        ),
        ("တံတား\nRoad 3",),
    ),
    "an invoice": (
        (
            '<div class="tgme_widget_message_invoice"><div class="tgme_widget_message_invoice_title">Relief fund</div>'
            '<div class="tgme_widget_message_invoice_description">Rice for the camp</div></div>'
        ),
        ("Relief fund\nRice for the camp",),
    ),
    "a game": (
        (
            '<div class="tgme_widget_message_game"><div class="tgme_widget_message_game_title">Front line</div>'
            '<div class="tgme_widget_message_game_description">A game<br/>of maps</div></div>'
        ),
        ("Front line\nA game\nof maps",),
    ),
    "a bot": (
        (
            '<div class="tgme_widget_message_author accent_color"><a class="tgme_widget_message_owner_name"><span>Desk'
            '</span></a>&nbsp;via <a class="tgme_widget_message_via_bot" href="https://t.me/map_bot">@map_bot</a></div>'
        ),
        ("via @map_bot",),
    ),
    "the signature of a forward": (
        (
            '<div class="tgme_widget_message_forwarded_from accent_color">Forwarded from&nbsp;<a '
            'class="tgme_widget_message_forwarded_from_name" href="https://t.me/other/3"><span>Other</span></a>&nbsp;(<span '
            'class="tgme_widget_message_forwarded_from_author">Major Thu</span>)</div>'
        ),
        ("Major Thu",),
    ),
    "buttons": (
        button("Read: truce ended", "https://ministry.example/9.pdf?a=1&amp;amp;b=2") + button("Vote"),
        ("Read: truce ended\nhttps://ministry.example/9.pdf?a=1&b=2\nVote",),
    ),
}


@pytest.mark.parametrize("markup", MARKUPS)
@pytest.mark.parametrize("what", BOXES)
def test_words_beside_the_text_are_read(what: str, markup: str) -> None:
    shown, words = BOXES[what]
    post = only(read_page(page_of(shown + TEXT.format("Statement"), markup)))
    assert (post.text, post.attached, post.cards, post.not_shown) == ("Statement", words, (), None)
    alone = read_embed(page_of(shown + TEXT.format("Statement"), markup)).post
    assert alone is not None
    assert (alone.attached, content_hash(alone)) == (words, content_hash(post))


def test_the_places_come_in_the_order_in_which_the_account_reads_them() -> None:
    shown = "".join(
        BOXES[what][0] for what in ("buttons", "a contact", "a game", "a bot", "the signature of a forward")
    )
    assert only(read_page(page_of(shown))).attached == (
        "via @map_bot", "Major Thu", "Captain Hla\n+95 900 000", "Front line\nA game\nof maps",
        "Read: truce ended\nhttps://ministry.example/9.pdf?a=1&b=2\nVote",
    )  # fmt: skip


def test_what_the_text_says_is_not_attached_once_more() -> None:
    post = only(read_page(page_of(TEXT.format("Truce ended") + button("Truce ended", "https://a.example/"))))
    assert post.attached == ("https://a.example/",)


def test_what_a_button_opens_is_a_link_of_its_own_that_no_old_hash_knows() -> None:
    text = TEXT.format("Statement")
    post = only(read_page(page_of(text + button("Read", "https://a.example/") + button("No", "javascript:alert(1)"))))
    assert (post.links, post.buttons) == ((), (Link("Read", "https://a.example/"),))
    assert content_hash(post).partition("~")[0] == content_hash(only(read_page(page_of(text)))).partition("~")[0]


@pytest.mark.parametrize(
    ("origin", "name", "attached"),
    [
        ("Forwarded from&nbsp;Hidden Hand", "Hidden Hand", ()),
        (
            (
                "Forwarded from Hidden Hand (<span class='tgme_widget_message_forwarded_from_author'>U Ba</span>) via "
                "<a class='tgme_widget_message_via_bot'>@map_bot</a>"
            ),
            "Hidden Hand",
            ("via @map_bot", "U Ba"),
        ),
    ],
)
def test_the_origin_of_a_forward_is_its_name_alone(origin: str, name: str, attached: tuple[str, ...]) -> None:
    post = only(read_page(page_of(f'<div class="tgme_widget_message_forwarded_from">{origin}</div>')))
    assert post.forward is not None
    assert (post.forward.name, post.attached) == (name, attached)


CARD = (
    '<a class="tgme_widget_message_link_preview" href="https://paper.example/1">'
    '<i class="link_preview_image" style="background-image:url(\'https://cdn.example/1.jpg\')"></i>'
    '<div class="link_preview_site_name accent_color">Paper</div><div class="link_preview_title">{}</div>'
    '<div class="link_preview_description">Keys<br/>handed over</div></a>'
)


def texts(post: FetchedPost) -> list[tuple[str, str]]:
    return [(text.kind, text.text) for text in texts_of(post, 1, 0)]


def test_the_card_of_a_link_is_a_text_of_its_own_kind_and_its_change_is_no_edit() -> None:
    posts = [
        only(read_page(page_of(TEXT.format("See") + CARD.format(title)))) for title in ("Fort falls", "Fort holds")
    ]
    assert texts(posts[0]) == [("body", "See"), ("card", "Paper\nFort falls\nKeys\nhanded over")]
    assert content_hash(posts[0]) == content_hash(posts[1])


def test_every_card_of_a_post_is_read() -> None:
    post = only(read_page(page_of(TEXT.format("See") + CARD.format("Fort falls") + CARD.format("Bridge holds"))))
    assert post.preview is not None
    assert post.preview.title == "Fort falls"
    assert [text for kind, text in texts(post) if kind == "card"][1] == "Paper\nBridge holds\nKeys\nhanded over"


@pytest.mark.parametrize("markup", MARKUPS)
@pytest.mark.parametrize(
    "unknown",
    [
        '<div class="tgme_widget_message_giveaway"><b>Prize</b><div>Ten <i>radios</i></div></div>',
        '<section><p>Prize</p><a class="x" href="https://t.me/desk/5">Ten radios</a></section>',
        '<a class="tgme_widget_message_story" href="https://t.me/desk/s/5"><span>Prize</span> Ten radios</a>',
    ],
)
def test_words_in_a_box_that_nobody_knows_yet_are_read_as_a_card(unknown: str, markup: str) -> None:
    page = read_page(page_of(TEXT.format("Statement") + unknown, markup))
    assert " ".join(only(page).cards[0].split()) == "Prize Ten radios"
    assert content_hash(only(page)) == content_hash(only(read_page(page_of(TEXT.format("Statement"), markup))))


def test_a_page_of_a_thousand_boxes_is_a_few_texts_with_all_words() -> None:
    strange = "".join(f'<div class="strange">word{number}</div>' for number in range(1000))
    post = only(read_page(page_of(strange)))
    assert len(post.cards) < 100
    assert "\n".join(post.cards).split() == [f"word{number}" for number in range(1000)]


@pytest.mark.parametrize("markup", MARKUPS)
def test_the_frame_of_a_post_is_none_of_its_words(markup: str) -> None:
    frame = '<a class="tgme_iv_button">Instant View</a><div><span>VIEW POST</span></div>'
    frame += "<script>var words = 1</script><style>.words {}</style><svg><text>words</text></svg>"
    post = only(read_page(page_of(TEXT.format("Statement") + frame, markup)))
    assert texts(post) == [("body", "Statement")]


NOTICES = {
    "hidden": HIDDEN.format("Please open Telegram to view this post"),
    "hidden in the way of 2023": HIDDEN.format("This media is not supported").replace(
        "message_media_not_supported_wrap", "message_media_not_supported_wrap media_not_supported_cont"
    ),
    "visible": HIDDEN.format("Post is restricted").replace("media_not_supported_cont", "media_supported_cont"),
    "in place of the text": TEXT.format("This message couldn’t be displayed because it violated local laws."),
}


@pytest.mark.parametrize("how", NOTICES)
def test_a_post_that_the_page_does_not_show_is_marked_and_says_nothing(how: str) -> None:
    post = only(read_page(page_of(NOTICES[how])))
    assert post.is_blank
    assert post.not_shown is not None
    assert post.not_shown.startswith("not shown by the page: ")
    assert [kind for kind, _ in texts(post)] == ["notice"]


def test_a_service_message_that_only_the_list_words_is_not_marked() -> None:
    alone = read_embed(page_of(HIDDEN.format("Service message").replace("media_not_supported_cont", "x"))).post
    assert alone is not None
    assert (alone.service, alone.not_shown) == (True, None)


def test_a_part_that_the_page_does_not_show_is_said_beside_the_text() -> None:
    post = only(read_page(page_of(TEXT.format("Watch") + NOTICES["visible"])))
    assert (post.text, post.not_shown, post.media) == ("Watch", "not shown by the page: Post is restricted", ())
    assert texts(post)[0] == ("body", "Watch")


@pytest.mark.parametrize("said", ["This message cannot be displayed because\nof us", "So: this post can't be shown"])
def test_a_channel_may_write_about_notices(said: str) -> None:
    post = only(read_page(page_of(TEXT.format(said.replace("\n", "<br/>")))))
    assert (post.text, post.not_shown) == (said, None)


def message(number: int, content: str) -> str:
    return f'<div class="tgme_widget_message" data-post="desk/{number}">{TEXT.format(content)}</div>'


@pytest.mark.parametrize(
    "page",
    [
        "<div class='tgme_widget_message_wrap'>{}{}</div>",
        '<div class="tgme_widget_message_wrap"><div>{}</div><div><div>{}</div></div></div>',
        '<div class="tgme_widget_message_wrap">{}<div class="tgme_widget_message_wrap">{}</div></div>',
        '<div class="tgme_widget_message_wrap">{}</div></div>{}',
    ],
)
def test_two_messages_in_one_block_are_both_read(page: str) -> None:
    found = read_page(page.format(message(31, "first"), message(32, "second")).encode())
    assert [(post.native_id, post.text) for post in found.posts] == [("31", "first"), ("32", "second")]
    assert not found.quarantined
    assert all(post.native_id.encode() in post.raw.data for post in found.posts)


def test_a_message_inside_a_message_is_no_post_of_its_own() -> None:
    inner = message(77, "quoted")
    found: Any = read_page(block(TEXT.format("words") + inner))
    assert [post.native_id for post in found.posts] == ["5"]
    assert card_texts(found.posts[0]) == ()
