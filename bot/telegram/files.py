"""Brings the bytes of a message's file, piece by piece; its reference is renewed whenever it has expired."""

import re
from collections.abc import Callable
from typing import Any

from telethon.tl import functions, types

from bot.errors import Later, Never
from bot.http import TOO_BIG
from bot.telegram.account import Account
from bot.telegram.channels import ChannelReader
from bot.telegram.refusals import AccountDead, Elsewhere, Stale

PIECE = 512 << 10  # bytes: what Telegram gives at once
PIECE_S = 60.0
_ADDRESS = re.compile(r"telegram:([0-9]{1,20})/([0-9]{1,10})")
_RENEWALS = 8


def carries(url: str) -> bool:
    """Whether an address is of a file that only the account can bring."""
    return _ADDRESS.fullmatch(url) is not None


async def carry(reader: ChannelReader, account: Account, url: str, sink: Callable[[bytes], object], cap: int) -> None:
    """Hand the bytes to `sink`, whole. Raises Later (state TOO_BIG beyond `cap`) and Never."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise Never(f"{url} is no file of Telegram")
    try:
        await _carry(reader, account, int(found[2]), sink, cap)
    except AccountDead as dead:  # it comes with the next account
        raise Later(str(dead), state=dead.state) from dead


async def _carry(
    reader: ChannelReader, account: Account, number: int, sink: Callable[[bytes], object], cap: int
) -> None:
    location, dc, size = _place(await reader.message(number))
    if size > cap:
        raise Later(f"it has {size:,} bytes, more than the {cap:,} that are fetched", state=TOO_BIG)
    offset = renewals = 0
    while True:
        try:
            piece = await account.call(
                functions.upload.GetFileRequest(location, offset, PIECE), dc=dc, deadline=PIECE_S
            )
        except Elsewhere as elsewhere:
            if dc == elsewhere.dc:
                raise
            dc = elsewhere.dc
            continue
        except Stale:
            renewals += 1
            if renewals > _RENEWALS:
                raise
            location, _, _ = _place(await reader.message(number))
            continue
        data = piece.bytes
        offset += len(data)
        if offset > cap:
            raise Later(f"it has more than the {cap:,} bytes that are fetched", state=TOO_BIG)
        if data:
            sink(data)
        if len(data) < PIECE:
            break
    if size and offset != size:
        raise Later(f"{offset:,} bytes came instead of {size:,}", state="cut short")


def _place(message: Any) -> tuple[Any, int, int]:
    """Where the file of a message lies, in which data centre, and how many bytes it has (0: not told)."""
    media = getattr(message, "media", None) or getattr(message, "action", None)
    photo, document = getattr(media, "photo", None), getattr(media, "document", None)
    if isinstance(document, types.Document):
        there = types.InputDocumentFileLocation(document.id, document.access_hash, document.file_reference, "")
        return there, document.dc_id, document.size
    if isinstance(photo, types.Photo):
        size, kind = max((_size(one), one.type) for one in photo.sizes)
        there = types.InputPhotoFileLocation(photo.id, photo.access_hash, photo.file_reference, kind)
        return there, photo.dc_id, size
    raise Never("the message carries no file any more", state="gone")


def _size(one: Any) -> int:
    if isinstance(one, types.PhotoSizeProgressive):
        return int(max(one.sizes))
    return int(one.size) if isinstance(one, types.PhotoSize) else 0
