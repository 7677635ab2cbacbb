"""The words of a message beside its text: quotations, media, buttons, rich blocks; by a table of what is read."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from storage.records import Link

_WHERE = ("fwd_from", "reply_to", "rich_message", "media", "reply_markup", "factcheck", "action")

# The fields that are read of each type, in the order in which people see them. Nothing else is followed: a type that is
# met and is not here is named as unsupported. tests/telegram/test_words.py compares this with the installed layer.
READ: dict[str, tuple[str, ...]] = {
    "MessageFwdHeader": ("post_author",),
    "MessageReplyHeader": ("quote_text", "reply_media"),
    "MessageReplyStoryHeader": (),
    "FactCheck": ("text",),
    "TextWithEntities": ("text",),
    # media
    "MessageMediaEmpty": (),
    "MessageMediaPhoto": (),
    "MessageMediaDocument": (),
    "MessageMediaWebPage": (),
    "MessageMediaGeo": (),
    "MessageMediaGeoLive": (),
    "MessageMediaVenue": ("title", "address"),
    "MessageMediaContact": ("first_name", "last_name", "phone_number", "vcard"),
    "MessageMediaGame": ("game",),
    "Game": ("title", "description"),
    "MessageMediaInvoice": ("title", "description", "extended_media"),
    "MessageMediaPaidMedia": ("extended_media",),
    "MessageExtendedMedia": ("media",),
    "MessageExtendedMediaPreview": (),
    "MessageMediaPoll": ("poll", "results", "attached_media"),
    "Poll": ("question", "answers"),
    "PollAnswer": ("text", "media"),
    "PollResults": ("solution", "solution_media"),
    "MessageMediaDice": ("emoticon",),
    "MessageMediaStory": ("story",),
    "StoryItem": ("caption", "media", "media_areas"),
    "StoryItemDeleted": (),
    "StoryItemSkipped": (),
    "MediaAreaVenue": ("title", "address"),
    "MediaAreaUrl": ("url",),
    "MediaAreaGeoPoint": ("address",),
    "GeoPointAddress": ("street", "city", "state"),
    "MediaAreaChannelPost": (),
    "MediaAreaStarGift": (),
    "MediaAreaSuggestedReaction": (),
    "MediaAreaWeather": (),
    "MessageMediaGiveaway": ("prize_description",),
    "MessageMediaGiveawayResults": ("prize_description",),
    "MessageMediaToDo": ("todo",),
    "TodoList": ("title", "list"),
    "TodoItem": ("title",),
    # buttons
    "ReplyKeyboardHide": (),
    "ReplyKeyboardForceReply": ("placeholder",),
    "ReplyKeyboardMarkup": ("rows", "placeholder"),
    "ReplyInlineMarkup": ("rows",),
    "KeyboardButtonRow": ("buttons",),
    "KeyboardInlineButtonRow": ("buttons",),
    "KeyboardButton": ("text", "type"),
    "KeyboardInlineButton": ("text", "type"),
    "PageButton": ("text", "type"),
    "ButtonTypeDefault": (),
    "ButtonTypeRequestGeoLocation": (),
    "ButtonTypeRequestPeer": (),
    "ButtonTypeRequestPhone": (),
    "ButtonTypeRequestPoll": (),
    "ButtonTypeSimpleWebView": ("url",),
    "InlineButtonTypeBuy": (),
    "InlineButtonTypeCallback": (),
    "InlineButtonTypeCopy": ("copy_text",),
    "InlineButtonTypeDisabled": (),
    "InlineButtonTypeGame": (),
    "InlineButtonTypeSwitchInline": ("query",),
    "InlineButtonTypeUrl": ("url",),
    "InlineButtonTypeUrlAuth": ("url", "fwd_text"),
    "InlineButtonTypeUserProfile": (),
    "InlineButtonTypeWebView": ("url",),
    # blocks of rich messages
    "RichMessage": ("blocks", "documents"),
    "Document": ("attributes",),
    "DocumentEmpty": (),
    "DocumentAttributeFilename": ("file_name",),
    "DocumentAttributeAudio": ("performer", "title"),
    "DocumentAttributeVideo": (),
    "DocumentAttributeImageSize": (),
    "DocumentAttributeAnimated": (),
    "DocumentAttributeHasStickers": (),
    "DocumentAttributeSticker": (),
    "DocumentAttributeCustomEmoji": (),
    **{
        f"PageBlock{name}": ("text",)
        for name in (
            *("Footer", "Header", "Heading1", "Heading2", "Heading3", "Heading4", "Heading5", "Heading6", "Kicker"),
            *("Paragraph", "Preformatted", "Subheader", "Subtitle", "Thinking", "Title"),
        )
    },
    "PageBlockAnchor": (),
    "PageBlockDivider": (),
    "PageBlockAudio": ("caption",),
    "PageBlockAuthorDate": ("author",),
    "PageBlockBlockquote": ("text", "caption"),
    "PageBlockBlockquoteBlocks": ("blocks", "caption"),
    "PageBlockButtonRow": ("buttons",),
    "PageBlockChannel": ("channel",),
    "PageBlockCollage": ("items", "caption"),
    "PageBlockCover": ("cover",),
    "PageBlockDetails": ("title", "blocks"),
    "PageBlockDocument": ("caption",),
    "PageBlockEmbed": ("url", "caption"),
    "PageBlockEmbedPost": ("author", "url", "blocks", "caption"),
    "PageBlockList": ("items",),
    "PageBlockMap": ("caption",),
    "PageBlockMath": ("source",),
    "PageBlockOrderedList": ("items",),
    "PageBlockPhoto": ("url", "caption"),
    "PageBlockPullquote": ("text", "caption"),
    "PageBlockRelatedArticles": ("title", "articles"),
    "PageBlockSlideshow": ("items", "caption"),
    "PageBlockTable": ("title", "rows"),
    "PageBlockVideo": ("caption",),
    "PageCaption": ("text", "credit"),
    "PageListItemText": ("text",),
    "PageListItemBlocks": ("blocks",),
    "PageListOrderedItemText": ("text",),
    "PageListOrderedItemBlocks": ("blocks",),
    "PageRelatedArticle": ("title", "author", "description", "url"),
    "PageTableRow": ("cells",),
    "PageTableCell": ("text",),
    **dict.fromkeys(
        ("Channel", "ChannelForbidden", "Chat", "ChatForbidden", "Community", "CommunityForbidden"), ("title",)
    ),
    "ChatEmpty": (),
    # service messages
    "MessageActionChatCreate": ("title",),
    "MessageActionChannelCreate": ("title",),
    "MessageActionChannelMigrateFrom": ("title",),
    "MessageActionCustomAction": ("message",),
    "MessageActionGiftCode": ("message",),
    "MessageActionGiftPremium": ("message",),
    "MessageActionPollAppendAnswer": ("answer",),
    "MessageActionPollDeleteAnswer": ("answer",),
    "MessageActionStarGift": ("message",),
    "MessageActionStarGiftUnique": ("message",),
    "MessageActionSuggestedPostApproval": ("reject_comment",),
    "MessageActionTodoAppendTasks": ("list",),
    "MessageActionTopicCreate": ("title",),
    "MessageActionTopicEdit": ("title",),
    "MessageActionWebViewDataSent": ("text",),
    "MessageActionWebViewDataSentMe": ("text",),
}
_PLAIN = (
    *("AutoEmail", "AutoPhone", "AutoUrl", "BankCard", "Bold", "BotCommand", "Cashtag", "Date", "Fixed", "Hashtag"),
    *("Italic", "Marked", "Mention", "MentionName", "Plain", "Spoiler", "Strike", "Subscript", "Superscript"),
    *("Underline", "Anchor"),
)
# Parts of one line of rich text; what follows the first field is put in brackets behind it.
INLINE: dict[str, tuple[str, ...]] = {
    **{f"Text{name}": ("text",) for name in _PLAIN},
    "TextEmpty": (),
    "TextImage": (),
    "TextConcat": ("texts",),
    "TextDiff": ("text", "old_text"),
    "TextMath": ("source",),
    "TextCustomEmoji": ("alt",),
    "TextButton": ("text", "type"),
    "TextEmail": ("text", "email"),
    "TextPhone": ("text", "phone"),
    "TextUrl": ("text", "url"),
}


def attached_words(messages: Iterable[Any], users: Any, said: Sequence[str]) -> tuple[str, ...]:
    """What the messages of one post say beside their texts, one text for each place; lines of `said` are left out.

    `users` are those of the reply, by id: the bot by which a message was sent is one of them.
    """
    known = {line.strip() for text in said for line in text.split("\n")}
    found: list[str] = []
    for message in messages:
        bot = getattr(users.get(getattr(message, "via_bot_id", None)), "username", None)
        if bot:
            found.append(f"via @{bot}")
        for where in _WHERE:
            part = getattr(message, where, None)
            if part is None or (where == "action" and type(part).__name__ not in READ):
                continue
            found.append("\n".join(line for line in dict.fromkeys(_lines(part)) if line not in known))
    return tuple(text for text in dict.fromkeys(found) if text)


def opened_by_buttons(message: Any) -> Iterator[Link]:
    """What the buttons below a message open."""
    for row in getattr(getattr(message, "reply_markup", None), "rows", ()):
        for button in row.buttons:
            address = getattr(getattr(button, "type", None), "url", None)
            if isinstance(address, str):
                yield Link(button.text.strip(), address)


def unsupported(part: Any) -> str | None:
    """The name of a type that we cannot read; None for one that we can."""
    name = type(part).__name__
    return None if name in READ or name in INLINE else f"unsupported: {name}"


def _lines(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield from (line.strip() for line in part.split("\n") if line.strip())
    elif isinstance(part, list):
        for one in part:
            yield from _lines(one)
    elif part is not None:
        name = type(part).__name__
        if name in INLINE:
            yield from _lines(_inline(part))
        elif (strange := unsupported(part)) is not None:
            yield strange
        for field in READ.get(name, ()):
            yield from _lines(getattr(part, field))


def _inline(part: Any) -> str:
    """A part of a line of rich text."""
    if part is None or isinstance(part, str):
        return part or ""
    if isinstance(part, list):
        return "".join(_inline(one) for one in part)
    if type(part).__name__ not in INLINE:
        return " ".join(_lines(part))
    words = [_inline(getattr(part, field)) for field in INLINE[type(part).__name__]]
    rest = [word for word in words[1:] if word and word not in words[0]]
    return "".join(words[:1]) + "".join(f" ({word})" for word in rest)
