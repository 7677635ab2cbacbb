"""Words that a message shows beside its text: each field of the installed layer that holds any, and what becomes of it."""

import asyncio
import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from telethon.tl import types

from bot.sources.telegram_web.page import read_page
from bot.telegram.attached import INLINE, READ
from bot.telegram.messages import ChannelAddress, read_messages, reread
from storage.language.query import parse
from storage.posts import saving
from storage.posts.content import content_hash, same_content
from storage.posts.texts import texts_of
from storage.records import FetchedPost, Raw, StoredRaw
from storage.search.search import search
from tests.telegram.daemon_process import Station
from tests.telegram.in_process import Rig, running
from tests.telegram_world import Served, World

ONE = {"post": {"channel": "@border_post", "backfill": "all"}}
CHANNEL = ChannelAddress(1, "border_post")
DAY = datetime(2026, 11, 1, tzinfo=UTC)
WORDS = "The bridge at Nyaungdon is closed"

# Fields that hold words and are not read as attached words, and where they go instead.
TEXT = {
    "Message.message": "the text",
    "Message.entities": "links of the text",
    "Message.post_author": "the author",
    "Message.action": "service messages have one, messages do not",
    "MessageActionChatEditTitle.title": "the text: a sentence with the new name",
    "MessageService.message": "service messages have none",
    "MessageService.rich_message": "service messages have none",
    "MessageService.media": "service messages have none",
    "MessageService.entities": "service messages have none",
    "MessageService.post_author": "the author",
    "MessageFwdHeader.from_name": "the origin",
    "MessageMediaWebPage.webpage": "the card of a link: kept as the preview, another site's words",
    "MessageMediaDocument.document": "a file, with its name",
    "TextWithEntities.entities": "only their words are read",
    "MessageReplyHeader.quote_entities": "only their words are read",
    "PollResults.solution_entities": "only their words are read",
    "StoryItem.entities": "only their words are read",
}
NO_WORDS = {
    "Channel.username", "Channel.usernames", "Channel.emoji_status", "ButtonTypeRequestPeer.peer_type",
    "from_rank", "reactions", "replies", "suggested_post", "summary_from_language", "restriction_reason",
    "MessageFwdHeader.psa_type", "MessageFwdHeader.saved_from_name", "MessageReplyHeader.reply_from",
    "FactCheck.country", "MessageMediaDocument.alt_documents", "MessageMediaDocument.video_cover",
    "MessageMediaPhoto.photo", "MessageMediaPhoto.video", "MessageMediaGame.photo", "Game.short_name", "Game.photo",
    "Game.document", "MessageMediaInvoice.currency", "MessageMediaInvoice.start_param", "MessageMediaInvoice.photo",
    "MessageExtendedMediaPreview.thumb", "Poll.countries_iso2", "MessageMediaDice.game_outcome",
    "StoryItem.fwd_from", "StoryItem.privacy", "StoryItem.views", "StoryItem.sent_reaction", "StoryItem.music",
    "MediaAreaVenue.provider", "MediaAreaVenue.venue_id", "MediaAreaVenue.venue_type", "MediaAreaWeather.emoji",
    "MediaAreaStarGift.slug", "MediaAreaSuggestedReaction.reaction", "GeoPointAddress.country_iso2",
    "InputMediaAreaVenue.result_id", "MessageMediaVenue.provider", "MessageMediaVenue.venue_id",
    "MessageMediaVenue.venue_type", "MessageMediaGiveaway.countries_iso2",
    "RichMessage.photos", "Document.mime_type", "Document.thumbs", "Document.video_thumbs",
    "DocumentAttributeSticker.alt", "DocumentAttributeSticker.stickerset", "DocumentAttributeVideo.video_codec",
    "DocumentAttributeCustomEmoji.alt", "DocumentAttributeCustomEmoji.stickerset", "PageBlockPreformatted.language",
    "PageBlockAnchor.name", "TextAnchor.name", "PageBlockEmbed.html", "PageBlockOrderedList.type",
    "PageListOrderedItemText.num", "PageListOrderedItemText.type", "PageListOrderedItemBlocks.num",
    "PageListOrderedItemBlocks.type",
    "MessageActionBotAllowed.app", "MessageActionBotAllowed.domain", "MessageActionChatEditPhoto.photo",
    "MessageActionGiftCode.crypto_currency", "MessageActionGiftCode.currency", "MessageActionGiftCode.slug",
    "MessageActionGiftPremium.crypto_currency", "MessageActionGiftPremium.currency",
    "MessageActionGiftStars.crypto_currency", "MessageActionGiftStars.currency",
    "MessageActionGiftStars.transaction_id", "MessageActionGiftTon.crypto_currency", "MessageActionGiftTon.currency",
    "MessageActionGiftTon.transaction_id", "MessageActionPaymentRefunded.charge",
    "MessageActionPaymentRefunded.currency", "MessageActionPaymentSent.currency",
    "MessageActionPaymentSent.invoice_slug", "MessageActionPaymentSentMe.charge",
    "MessageActionPaymentSentMe.currency", "MessageActionPaymentSentMe.info",
    "MessageActionPaymentSentMe.shipping_option_id", "MessageActionPhoneCall.reason",
    "MessageActionPrizeStars.transaction_id", "MessageActionRequestedPeerSentMe.peers",
    "MessageActionSecureValuesSentMe.values", "MessageActionSetChatTheme.theme",
    "MessageActionSetChatWallPaper.wallpaper", "MessageActionStarGift.gift",
    "MessageActionStarGift.prepaid_upgrade_hash", "MessageActionStarGiftPurchaseOffer.gift",
    "MessageActionStarGiftPurchaseOfferDeclined.gift", "MessageActionStarGiftUnique.gift",
    "MessageActionSuggestProfilePhoto.photo", "MessageActionWebViewDataSentMe.data",
}  # fmt: skip


def fields_of(name: str) -> Iterator[tuple[str, bool, list[str]]]:
    """The fields of a TL type: each with whether it is a string, and the types that it can hold."""
    for field in list(inspect.signature(getattr(types, name).__init__).parameters.values())[1:]:
        said = str(field.annotation)
        held = re.findall(r"telethon\.tl\.types\.(\w+)", said)
        for union in re.findall(r"\bType[A-Z]\w*", said):
            found = getattr(types, union, getattr(types, union[4:], None))
            held += (
                [found.__name__]
                if inspect.isclass(found)
                else re.findall(r"(?:ForwardRef\('|types\.)(\w+)", str(found))
            )
        held = [one for one in held if not one.startswith("Input")]  # what a client sends and never gets
        yield field.name, field.annotation is str or re.search(r"\bstr\b", said) is not None, held


def bears_text(names: list[str], seen: set[str]) -> bool:
    """Whether words can be found anywhere below these types."""
    for name in names:
        if name in seen or not hasattr(types, name):
            continue
        seen.add(name)
        if any(string or bears_text(held, seen) for _, string, held in fields_of(name)):
            return True
    return False


def test_every_field_of_the_installed_layer_that_can_hold_words_is_read_or_listed_with_its_reason() -> None:
    start = ["Message", "MessageService", *(name for name in dir(types) if name.startswith("MessageMedia"))]
    waiting, met, unlisted = start, set(start), []
    top = ("fwd_from", "reply_to", "rich_message", "media", "reply_markup", "factcheck", "action")
    while waiting:
        name = waiting.pop()
        read = top if name in ("Message", "MessageService") else (*READ.get(name, ()), *INLINE.get(name, ()))
        for field, string, held in fields_of(name):
            if field in read:
                new = [one for one in held if one not in met]
                met.update(new)
                waiting += new
            elif {field, f"{name}.{field}"} & (NO_WORDS | TEXT.keys()):
                continue
            elif string or bears_text(held, set()):
                unlisted.append(f"{name}.{field}")
    assert not unlisted, "\n".join(sorted(unlisted))
    named = {"Message", "MessageService", "MessageMediaUnsupported", "MessageMediaVideoStream", "PageBlockUnsupported"}
    acts = {name for name in met if name.startswith("MessageAction")}  # said in a sentence whatever it is
    assert sorted(met - READ.keys() - INLINE.keys() - named - acts) == []


def test_what_is_read_exists_in_the_installed_layer() -> None:
    for name, fields in {**READ, **INLINE}.items():
        there = {field for field, _, _ in fields_of(name)} if hasattr(types, name) else set()
        assert set(fields) <= there, name


# What is read ---------------------------------------------------------------------------------------------------------


def said(text: str = WORDS) -> Any:
    return types.TextWithEntities(text, [])


def rich(text: str = WORDS) -> Any:
    return types.TextConcat(
        [types.TextBold(types.TextPlain(text.split(maxsplit=1)[0])), types.TextPlain(text[text.index(" ") :])]
    )


def button(text: str, url: str) -> Any:
    row = types.KeyboardInlineButtonRow([types.KeyboardInlineButton(text, types.InlineButtonTypeUrl(url))])
    return types.ReplyInlineMarkup([row])


PLACE = types.GeoPoint(97.0, 20.0, 0)
EMPTY_POLL = types.PollResults(solution=WORDS, solution_entities=[])
POLL = types.Poll(1, said("Which?"), [types.PollAnswer(said("One"), b"1")], 0)
STORY = types.StoryItem(1, DAY, DAY, types.MessageMediaEmpty(), caption=WORDS)
SHOWN: dict[str, tuple[str, Any]] = {
    "a rich message": ("rich_message", types.RichMessage([types.PageBlockParagraph(rich())], [], [])),
    "a heading": ("rich_message", types.RichMessage([types.PageBlockHeading2(rich())], [], [])),
    "a cell of a table": (
        "rich_message",
        types.RichMessage(
            [types.PageBlockTable(types.TextEmpty(), [types.PageTableRow([types.PageTableCell(text=rich())])])], [], []
        ),
    ),
    "a check list": ("media", types.MessageMediaToDo(types.TodoList(said("To do"), [types.TodoItem(1, said())]))),
    "a venue": ("media", types.MessageMediaVenue(PLACE, WORDS, "Main road", "", "", "")),
    "a contact": ("media", types.MessageMediaContact("+959", "Aung", WORDS, "", 0)),
    "a giveaway": ("media", types.MessageMediaGiveaway([1], 1, DAY, prize_description=WORDS)),
    "a game": ("media", types.MessageMediaGame(types.Game(1, 1, "short", "Game", WORDS, types.PhotoEmpty(1)))),
    "an invoice": ("media", types.MessageMediaInvoice("Invoice", WORDS, "MMK", 1, "")),
    "paid media": (
        "media",
        types.MessageMediaPaidMedia(1, [types.MessageExtendedMedia(types.MessageMediaVenue(PLACE, WORDS, "", "", "", ""))]),
    ),
    "a story": ("media", types.MessageMediaStory(types.PeerChannel(1), 1, story=STORY)),
    "the solution of a poll": ("media", types.MessageMediaPoll(POLL, EMPTY_POLL)),
    "a quotation": ("reply_to", types.MessageReplyHeader(quote=True, reply_to_msg_id=1, quote_text=WORDS)),
    "a button": ("reply_markup", button(WORDS, "https://example.org/map")),
    "a fact check": ("factcheck", types.FactCheck(1, country="MM", text=said())),
}  # fmt: skip


def shows(rig: Rig, query: str = f'"{WORDS}"') -> set[int]:
    """The ids of the messages that search finds."""
    with rig.archive.reading() as reader:
        found = [one.post_id for one in search(reader, parse(query), limit=None)]
    return {number for (number,) in rig.ask(f"SELECT number FROM posts WHERE id IN ({','.join(map(str, found))})")}


def texts(rig: Rig, number: int) -> list[tuple[Any, ...]]:
    statement = "SELECT t.kind, t.text FROM texts t JOIN posts p ON p.id = t.post_id WHERE p.number = :n AND t.current"
    return rig.ask(f"{statement} ORDER BY t.id", n=number)


def counts(rig: Rig) -> tuple[Any, ...]:
    """How many revisions there are beside the first of each post, and how many jobs of deciding are waiting."""
    return rig.ask(
        "SELECT (SELECT count(*) FROM revisions WHERE number > 0), (SELECT count(*) FROM jobs WHERE kind = 'decide')"
    )[0]


def test_words_beside_the_text_are_found_wherever_people_see_them(telegram: World, at: Served, data_dir: Path) -> None:
    made = {
        case: telegram.publish(
            "border_post", "" if field in ("media", "rich_message") else "Look.", more=((field, value),)
        )
        for case, (field, value) in SHOWN.items()
    }

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            found = shows(rig)
            assert [case for case, number in made.items() if number not in found] == []
            assert shows(rig, f'in:text "{WORDS}"') == found
            assert shows(rig, "example.org") == {made["a button"]}

    asyncio.run(go())


def test_an_alert_comes_for_words_of_a_check_list_and_show_prints_them(station: Station) -> None:
    todo = SHOWN["a check list"]
    station.configure(post={"channel": "@border_post"})
    config = station.desk.directory / "config.toml"
    config.write_text(config.read_text() + f'\n[[rules]]\nname = "bridge"\nquery = \'"{WORDS}"\'\ntargets = ["hook"]\n')
    station.start()
    station.until(lambda: station.state() == "ok", "first contact")
    number = station.telegram.publish("border_post", "", more=(todo,))
    station.until(lambda: any(WORDS in str(said) for _, said in station.sink.received), "the alert")
    assert WORDS in station.desk.run("show", f"post/{number}").stdout


def test_what_cannot_be_read_is_named_and_is_no_empty_post(telegram: World, at: Served, data_dir: Path) -> None:
    strange = telegram.publish("border_post", "", more=(("media", types.MessageMediaUnsupported()),))
    block = types.RichMessage([types.PageBlockUnsupported(), types.PageBlockParagraph(rich())], [], [])
    partly = telegram.publish("border_post", "", more=(("rich_message", block),))

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            assert texts(rig, strange) == [("attached", "unsupported: MessageMediaUnsupported")]
            assert texts(rig, partly) == [("attached", f"unsupported: PageBlockUnsupported\n{WORDS}")]
            assert rig.ask("SELECT reason FROM media") == [("unsupported: MessageMediaUnsupported",)]

    asyncio.run(go())


def test_a_post_stored_before_these_words_were_read_gets_them_without_a_revision_or_an_alert(
    telegram: World, at: Served, data_dir: Path
) -> None:
    numbers = {telegram.publish("border_post", "Old.", more=(shown,)) for shown in SHOWN.values()}
    plain = telegram.publish("border_post", "Without any.")

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await as_stored_before(rig)
            await rig.store.run(lambda writer: writer.execute("DELETE FROM jobs WHERE kind = 'decide'"))
            assert shows(rig) == set()
            for _ in range(2):
                rig.collector.intake.forget()
                again = await rig.round()
                assert (again.new, again.revised) == (0, 0)
                assert shows(rig) == numbers
                assert counts(rig) == (0, 0)
            assert texts(rig, plain) == [("body", "Without any.")]
            telegram.edit("border_post", min(numbers), "Old.", more=(("reply_markup", button("Now open", "tg://a")),))
            rig.collector.intake.forget()
            assert (await rig.round()).revised == 1
            assert texts(rig, min(numbers)) == [("body", "Old."), ("attached", "Now open\ntg://a")]

    asyncio.run(go())


async def as_stored_before(rig: Rig) -> None:
    """Store the newest page as a version did that read only the text of messages."""
    source: Any = rig.sources["post"]
    batch, _ = await source.reader.newest(None, None)
    posts = tuple(replace(post, attached=None) for post in batch.posts)
    row = rig.row()
    await rig.store.run(
        lambda writer: saving.save(
            writer, row.id, replace(batch, posts=posts), now=1_000_000, method="telegram", alerts=True
        )
    )


def test_a_changed_check_list_is_a_revision_and_what_the_pages_show_of_the_post_is_none(
    telegram: World, at: Served, data_dir: Path
) -> None:
    field, value = SHOWN["a check list"]
    number = telegram.publish("border_post", "Ours.", more=((field, value),))

    async def go() -> None:
        async with running(data_dir, at, ONE, live=False) as rig:
            await rig.round()
            await as_stored_before(rig)
            assert counts(rig)[0] == 0
            added = types.MessageMediaToDo(types.TodoList(said("To do"), [types.TodoItem(2, said("Two more"))]))
            telegram.edit("border_post", number, "Ours.", more=((field, added),))
            assert (await rig.round()).revised == 1
            assert texts(rig, number) == [("body", "Ours."), ("attached", "To do\nTwo more")]
            assert shows(rig) == set()

    asyncio.run(go())


# Who wrote it ---------------------------------------------------------------------------------------------------------


def read_one(message: Any, *, chats: Any = (), users: Any = ()) -> FetchedPost:
    reply = types.messages.ChannelMessages(0, 1, [message], [], list(chats), list(users))
    [post] = read_messages(reply, CHANNEL).posts
    return post


def test_in_a_group_a_post_has_its_author() -> None:
    person = types.User(5, first_name="Aung", last_name="Min")
    chat = types.Channel(6, "River Press", types.ChatPhotoEmpty(), DAY)
    said_by = [
        (types.PeerUser(5), "Aung Min"),
        (types.PeerUser(9), "9"),
        (types.PeerChannel(6), "River Press"),
        (types.PeerChannel(1), None),
        (None, None),
    ]
    for peer, author in said_by:
        one = types.Message(7, types.PeerChannel(1), DAY, "Words.", from_id=peer)
        assert read_one(one, chats=[chat], users=[person]).author == author


def test_a_message_sent_by_a_bot_names_it() -> None:
    one = types.Message(7, types.PeerChannel(1), DAY, "Words.", via_bot_id=5)
    assert read_one(one, users=[types.User(5, username="map_bot")]).attached == ("via @map_bot",)


def test_the_stored_bytes_of_every_message_are_read_again_as_the_same_post() -> None:
    for field, value in SHOWN.values():
        one = types.Message(7, types.PeerChannel(1), DAY, WORDS, **{field: value})
        post = read_one(one)
        again = reread(StoredRaw(1, "7", 0, post.raw))
        assert again == replace(post, url=None, author=None, forward=None, reply_to=None)


def test_an_album_is_read_again_and_bytes_that_are_no_message_of_that_post_are_not() -> None:
    messages = [types.Message(number, types.PeerChannel(1), DAY, f"Part {number}", grouped_id=3) for number in (7, 8)]
    raw = Raw(b"".join(bytes(message) for message in messages), "application/vnd.telegram.tl; layer=1")
    again = reread(StoredRaw(1, "7", 0, raw))
    assert again is not None
    assert again.text == "Part 7\nPart 8"
    for other in (raw.data[:-3], b"\0" * 40, raw.data[4:]):
        assert reread(StoredRaw(1, "7", 0, replace(raw, data=other))) is None
    assert reread(StoredRaw(1, "8", 0, raw)) is None
    by_bot = bytes(types.Message(7, types.PeerChannel(1), DAY, "Words.", via_bot_id=5))
    assert reread(StoredRaw(1, "7", 0, replace(raw, data=by_bot))) is None


SAME = {  # how a page draws what the account reads
    "a contact": (
        {"media": types.MessageMediaContact("95900", "Captain", "Hla", "", 0)},
        ('<div class="tgme_widget_message_contact_wrap"><div class="tgme_widget_message_contact">'
        '<div class="tgme_widget_message_contact_name">Captain Hla</div>'
        '<div class="tgme_widget_message_contact_phone">+95 900</div></div></div>'),
    ),
    "an invoice": (
        {"media": types.MessageMediaInvoice("Relief fund", "Rice", "MMK", 1, "")},
        '<div class="tgme_widget_message_invoice"><div>Relief fund</div><div>Rice</div></div>',
    ),
    "a game": (
        {"media": types.MessageMediaGame(types.Game(1, 1, "short", "Front", "Maps", types.PhotoEmpty(1)))},
        '<div class="tgme_widget_message_game"><div>Front</div><div>Maps</div></div>',
    ),
    "a button": (
        {"reply_markup": button("Read it", "https://example.org/9")},
        ('<div class="tgme_widget_message_inline_keyboard"><a class="tgme_widget_message_inline_button url_button" '
        'href="https://example.org/9"><span>Read it</span></a></div>'),
    ),
    "the card of a link": (
        {"media": types.MessageMediaWebPage(types.WebPage(1, "https://e.example", "e", 0, site_name="E", title="Fort falls"))},
        ('<a class="tgme_widget_message_link_preview" href="https://e.example"><div class="link_preview_site_name">E</div>'
        '<div class="link_preview_title">Fort falls</div></a>'),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SAME)
def test_a_page_and_the_account_make_the_same_post_of_the_same_message(what: str) -> None:
    fields, shown = SAME[what]
    by_account = read_one(types.Message(7, types.PeerChannel(1), DAY, "Words.", **fields))
    [by_page] = read_page(
        '<section class="tgme_channel_history"><div class="tgme_widget_message_wrap"><div class="tgme_widget_message" '
        'data-post="desk/7"><div class="tgme_widget_message_bubble"><div class="tgme_widget_message_text">Words.</div>'
        f"{shown}</div></div></div></section>".encode()
    ).posts
    assert same_content(content_hash(by_account), content_hash(by_page))
    for name in ("text", "links", "buttons", "media", "cards", "preview", "not_shown"):
        assert getattr(by_account, name) == getattr(by_page, name), name
    kinds = [[text.kind for text in texts_of(post, 1, 0)] for post in (by_account, by_page)]
    assert kinds[0] == kinds[1]
    assert len(kinds[0]) == 2
