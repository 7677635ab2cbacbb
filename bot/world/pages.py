"""Draws the world's channels as the public Telegram pages of 2023 or 2026 do."""

import base64
import json
import re
from datetime import UTC, datetime
from html import escape

from bot.world.state import Channel, MessageList, WorldFile, WorldMessage

_PIECE = re.compile(
    r"https?://[^\s<>]+|(?<![\w@])@[A-Za-z]\w{3,31}|(?<!\w)#\w+|\n|[\u2600-\u27bf\U0001f300-\U0001faff]\ufe0f?"
)
_HIDDEN = (
    '<div class="media_not_supported_cont"><div class="message_media_not_supported_wrap">'
    '<div class="message_media_not_supported"><div class="message_media_not_supported_label">Please open Telegram '
    'to view this post</div><a href="{link}" class="message_media_view_in_telegram">VIEW IN TELEGRAM</a></div></div>'
    "</div>"
)
_UNPLAYABLE = (
    '<div class="message_media_not_supported_wrap"><div class="message_media_not_supported">'
    '<div class="message_media_not_supported_label">This media is not supported in your browser</div>'
    '<span class="message_media_view_in_telegram">VIEW IN TELEGRAM</span></div></div>'
)


def list_page(view: MessageList, site: str, now: int) -> str:
    """The page at /s/NAME. `site` is the world's own address, `now` in microseconds UTC."""
    channel, messages = view.channel, view.messages
    links, more_above, more_below = "", "", ""
    if messages:
        low, high = messages[0].id, messages[-1].last
        if view.older:
            links += f'<link rel="prev" href="/s/{channel.handle}?before={low}">'
            more_above = _more(channel, "before", low)
        if view.newer:
            links += f'<link rel="next" href="/s/{channel.handle}?after={high}">'
            more_below = _more(channel, "after", high)
        links += f'<link rel="canonical" href="/s/{channel.handle}?before={high + 1}">'
    blocks = "\n".join(
        f'<div class="tgme_widget_message_wrap js-widget_message_wrap">{_message(channel, message, site, now)}</div>'
        for message in messages
    )
    nothing = (
        '<div class="tgme_widget_message_wrap js-widget_message_wrap"><div class="tgme_widget_message_centered">'
        '<div class="tme_no_messages_found">No posts found</div></div></div>'
    )
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{escape(channel.title)} – Telegram</title>'
        f'<meta property="og:title" content="{escape(channel.title)}">{links}</head>'
        '<body class="widget_frame_base tgme_webpreview emoji_image tme_mode"><header class="tgme_header">'
        f'{_header(channel, site)}</header><main class="tgme_main" data-url="/{channel.handle}">'
        '<section class="tgme_channel_history js-message_history">'
        f"{more_above}{blocks or nothing}{more_below}</section></main></body></html>\n"
    )


def post_page(channel: Channel, message: WorldMessage | None, site: str, now: int) -> str:
    """The page at /NAME/ID?embed=1; without a message it says "Post not found"."""
    if message is None:
        body = (
            '<div class="tgme_widget_message err_message"><div class="tgme_widget_message_bubble">'
            '<div class="tgme_widget_message_error">Post not found</div></div></div>'
        )
    else:
        body = _message(channel, message, site, now, alone=True)
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>Telegram Widget</title></head>'
        f'<body class="widget_frame_base tgme_widget body_widget_post emoji_image tme_mode">{body}</body></html>\n'
    )


def landing_page(handle: str, *, known: bool) -> str:
    """The page at /NAME, to which a channel without a preview redirects; `known`: there is such a channel."""
    title = f'<div class="tgme_page_title"><span dir="auto">{escape(handle)}</span></div>' if known else ""
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>Telegram: Contact @{escape(handle)}</title></head>'
        f'<body><div class="tgme_page">{title}'
        '<div class="tgme_page_action"><a class="tgme_action_button_new">View in Telegram</a></div></div></body>'
        "</html>\n"
    )


def _more(channel: Channel, way: str, number: int) -> str:
    return (
        '<div class="tgme_widget_message_centered js-messages_more_wrap">'
        f'<a href="/s/{channel.handle}?{way}={number}" class="tme_messages_more js-messages_more" '
        f'data-{way}="{number}"></a></div>'
    )


def _header(channel: Channel, site: str) -> str:
    counters = '<div class="tgme_channel_info_counter"><span class="counter_value">4.2K</span> '
    counters += '<span class="counter_type">subscribers</span></div>'
    photos = sum(file.kind == "photo" for message in list(channel.messages.values()) for file in message.attachments)
    if photos:
        counters += f'<div class="tgme_channel_info_counter"><span class="counter_value">{photos}</span> '
        counters += '<span class="counter_type">photos</span></div>'
    return (
        '<div class="tgme_channel_info"><div class="tgme_channel_info_header">'
        f'<div class="tgme_channel_info_header_title"><span dir="auto">{escape(channel.title)}</span></div>'
        f'<div class="tgme_channel_info_header_username"><a href="{site}/{channel.handle}">@{channel.handle}</a></div>'
        f'</div><div class="tgme_channel_info_counters">{counters}</div></div>'
    )


def _message(channel: Channel, message: WorldMessage, site: str, now: int, *, alone: bool = False) -> str:
    link = f"{site}/{channel.handle}/{message.id}"
    number = channel.faults.moved_to or channel.numeric_id
    view = json.dumps({"c": -number, "p": message.id, "t": now // 1_000_000, "h": "0"}, separators=(",", ":"))
    data_view = base64.urlsafe_b64encode(view.encode()).decode().rstrip("=")
    kind = "service_message" if message.service else "text_not_supported_wrap"
    content = _content(channel, message, site, link)
    if message.service and alone:  # only the list shows its text
        content = _UNPLAYABLE.replace("This media is not supported in your browser", "Service message")
    if channel.markup == "2026":
        content = f'<div class="media_supported_cont">{content}</div>{_HIDDEN.format(link=link)}{_REACTIONS}'
    return (
        f'<div class="tgme_widget_message {kind} js-widget_message" data-post="{channel.handle}/{message.id}" '
        f'data-view="{data_view}"><div class="tgme_widget_message_user"><a href="{site}/{channel.handle}">'
        '<i class="tgme_widget_message_user_photo bgcolor3" data-content="W"></i></a></div>'
        '<div class="tgme_widget_message_bubble"><i class="tgme_widget_message_bubble_tail"></i>'
        '<div class="tgme_widget_message_author accent_color"><a class="tgme_widget_message_owner_name" '
        f'href="{site}/{channel.handle}"><span dir="auto">{escape(channel.title)}</span></a></div>'
        f"{content}{_footer(channel, message, link)}</div></div>"
    )


_REACTIONS = (
    '<div class="tgme_widget_message_reactions js-message_reactions"><span class="tgme_reaction">'
    '<i class="emoji"><b>👍</b></i>12</span></div>'
)


def _footer(channel: Channel, message: WorldMessage, link: str) -> str:
    moment = datetime.fromtimestamp(message.at // 1_000_000, UTC)
    author = f'<span class="tgme_widget_message_from_author" dir="auto">{escape(message.author or "")}</span>,&nbsp;'
    views = 100 + channel.requests  # grows with each request, as in reality, and is no edit
    return (
        '<div class="tgme_widget_message_footer compact js-message_footer"><div class="tgme_widget_message_info short">'
        f'<span class="tgme_widget_message_views">{views}</span><span class="copyonly"> views</span>'
        f'<span class="tgme_widget_message_meta">{author if message.author else ""}'
        f'{"edited &nbsp;" if message.edited else ""}<a class="tgme_widget_message_date" href="{link}">'
        f'<time datetime="{moment.isoformat()}" class="time">{moment:%H:%M}</time></a></span></div></div>'
    )


def _content(channel: Channel, message: WorldMessage, site: str, link: str) -> str:
    parts = [_forward(message, site), _reply(channel, message, site)]
    files = [_file(channel, message, number, file, site) for number, file in enumerate(message.attachments)]
    if len(files) > 1:
        layer = f'<div class="tgme_widget_message_grouped_layer">{"".join(files)}</div>'
        album = f'<div class="tgme_widget_message_grouped js-message_grouped">{layer}</div>'
        files = [f'<div class="tgme_widget_message_grouped_wrap js-message_grouped_wrap">{album}</div>']
    parts += files
    if message.poll:
        options = "".join(
            '<div class="tgme_widget_message_poll_option"><div class="tgme_widget_message_poll_option_percent">0%</div>'
            f'<div class="tgme_widget_message_poll_option_text">{escape(option)}</div></div>'
            for option in message.poll.options
        )
        parts.append(
            '<div class="tgme_widget_message_poll js-poll"><div class="tgme_widget_message_poll_question">'
            f'{escape(message.poll.question)}</div><div class="tgme_widget_message_poll_type">Anonymous Poll</div>'
            f'<a class="tgme_widget_message_poll_options" href="{link}">{options}</a></div>'
        )
    if message.text:
        words = _text(message.text, channel, site)
        words = f'<div class="tgme_widget_message_text js-message_text" dir="auto">{words}</div>'
        if len(message.attachments) > 1:  # the caption of an album is in two such elements
            words = f'<div class="tgme_widget_message_text js-message_text before_footer" dir="auto">{words}</div>'
        parts.append(words)
    if message.preview:
        parts.append(
            f'<a class="tgme_widget_message_link_preview" href="{escape(message.preview.url)}">'
            f'<div class="link_preview_site_name accent_color" dir="auto">{escape(message.preview.site)}</div>'
            f'<div class="link_preview_title" dir="auto">{escape(message.preview.title)}</div>'
            f'<div class="link_preview_description" dir="auto">{escape(message.preview.description)}</div></a>'
        )
    return "".join(parts)


def _forward(message: WorldMessage, site: str) -> str:
    origin = message.forward
    if origin is None:
        return ""
    name = f'<span dir="auto">{escape(origin.name)}</span>'
    name = (
        f'<a class="tgme_widget_message_forwarded_from_name" href="{site}/{origin.source}/{origin.post}">{name}</a>'
        if origin.source
        else f'<span class="tgme_widget_message_forwarded_from_name">{name}</span>'
    )
    return f'<div class="tgme_widget_message_forwarded_from accent_color">Forwarded from&nbsp;{name}</div>'


def _reply(channel: Channel, message: WorldMessage, site: str) -> str:
    if message.reply_to is None:
        return ""
    quoted = channel.messages.get(message.reply_to)
    return (
        f'<a class="tgme_widget_message_reply" href="{site}/{channel.handle}/{message.reply_to}">'
        f'<div class="tgme_widget_message_author accent_color">{escape(channel.title)}</div>'
        '<div class="tgme_widget_message_text js-message_reply_text" dir="auto">'
        f"{escape(quoted.text if quoted else '')}</div></a>"
    )


def _text(text: str, channel: Channel, site: str) -> str:
    """Escaped text with line breaks, links, mentions, hashtags and emoji as in the pages."""
    parts: list[str] = []
    last = 0
    for found in _PIECE.finditer(text):
        parts += (escape(text[last : found.start()]), _piece(found[0], channel, site))
        last = found.end()
    return "".join(parts) + escape(text[last:])


def _piece(piece: str, channel: Channel, site: str) -> str:
    if piece == "\n":
        return "<br/>"
    if piece.startswith("http"):  # with a question before it opens, and escaped twice since April 2024
        href = escape(escape(piece))
        return (
            f'<a href="{href}" target="_blank" rel="noopener" onclick="return confirm(this.href);">{escape(piece)}</a>'
        )
    if piece.startswith("@"):
        return f'<a href="{site}/{piece[1:]}" target="_blank">{piece}</a>'
    if piece.startswith("#"):
        return f'<a href="?q=%23{piece[1:]}">{escape(piece)}</a>'
    emoji = f'<i class="emoji"><b>{piece}</b></i>'
    return f'<tg-emoji emoji-id="1">{emoji}</tg-emoji>' if channel.markup == "2026" else emoji


def _file(channel: Channel, message: WorldMessage, number: int, file: WorldFile, site: str) -> str:
    album = len(message.attachments) > 1
    href = f"{site}/{channel.handle}/{message.id + number}{'?single' if album else ''}"
    address = f"{site}/file/{file.file}" if file.file else ""
    token = "?token=" + base64.urlsafe_b64encode(str(channel.requests).encode()).decode()  # changes with each request
    grouped = " grouped_media_wrap js-message_photo" if album else f" {5_000_000_000 + message.id} 1_{message.id}"
    if file.kind == "photo":
        return (
            f'<a class="tgme_widget_message_photo_wrap{grouped}" href="{href}" '
            f'style="width:800px;background-image:url(\'{address}\')"><div class="tgme_widget_message_photo"></div></a>'
        )
    if file.kind == "voice":
        return (
            f'<a class="tgme_widget_message_voice_player js-message_voice_player" href="{href}">'
            f'<audio class="tgme_widget_message_voice js-message_voice" src="{address}{token}" width="100%"></audio>'
            f'<time class="tgme_widget_message_voice_duration">{file.duration}</time></a>'
        )
    if file.kind == "video":
        player = f'<video src="{address}{token}" class="tgme_widget_message_video"></video>{_UNPLAYABLE}'
        too_big = _UNPLAYABLE.replace("This media is not supported in your browser", "Media is too big")
        return (
            f'<a class="tgme_widget_message_video_player{"" if address else " not_supported"}" href="{href}">'
            f'<div class="tgme_widget_message_video_wrap">{player if address else too_big}</div>'
            f'<time class="message_video_duration">{file.duration}</time></a>'
        )
    icon = " audio" if file.kind == "audio" else ""
    return (
        f'<a class="tgme_widget_message_document_wrap" href="{href}">'
        f'<div class="tgme_widget_message_document_icon accent_bg{icon}"></div>'
        '<div class="tgme_widget_message_document"><div class="tgme_widget_message_document_title" dir="auto">'
        f'{escape(file.name)}</div><div class="tgme_widget_message_document_extra" dir="auto">'
        f"{escape(file.size)}</div></div></a>"
    )
