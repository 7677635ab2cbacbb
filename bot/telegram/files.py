"""Brings the bytes of a message's file, piece by piece; its reference is renewed whenever it has expired."""

import re
from collections.abc import Callable
from typing import Any

from telethon.tl import functions, types

from bot.errors import Later, Never
from bot.telegram.account import Account
from bot.telegram.channels import ChannelReader
from bot.telegram.refusals import AccountDead, OtherDataCentre, StaleReference
from storage.frozen import dataclass
from storage.state_names import TOO_BIG

PIECE = 512 << 10  # bytes: what Telegram gives at once
PIECE_S = 60.0
_ADDRESS = re.compile(r"telegram:([0-9]{1,20})/([0-9]{1,10})")
_RENEWALS = 8
_UNIT = 4096  # bytes: what an offset must be a multiple of


async def fetch_file(
    reader: ChannelReader, account: Account, url: str, sink: Callable[[bytes], object], cap: int
) -> None:
    """Hand the bytes to `sink`, whole. Raises Later (state TOO_BIG beyond `cap`) and Never."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise Never(f"{url} is not a Telegram file")
    try:
        await _fetch_file(reader, account, int(found[2]), sink, cap)
    except AccountDead as dead:  # it comes with the next account
        raise Later(str(dead), state=dead.state) from dead


async def _fetch_file(
    reader: ChannelReader, account: Account, number: int, sink: Callable[[bytes], object], cap: int
) -> None:
    place = _locate(await reader.message(number))
    if place.size > cap:
        raise Later(f"too large: {place.size:,} bytes, the limit is {cap:,}", state=TOO_BIG)
    dc = 0 if account.access.server is not None else place.dc  # a server of one's own says itself if it is elsewhere
    offset = renewals = 0
    if place.whole is not None:
        sink(place.whole)
        return
    while True:
        try:
            piece = await account.call(
                functions.upload.GetFileRequest(place.location, offset, PIECE), dc=dc, deadline=PIECE_S
            )
        except OtherDataCentre as elsewhere:
            if dc == elsewhere.dc:
                raise
            dc = elsewhere.dc
            continue
        except StaleReference:
            renewals += 1
            if renewals > _RENEWALS:
                raise
            place = _locate(await reader.message(number))
            continue
        data = piece.bytes
        offset += len(data)
        if offset > cap:
            raise Later(f"too large: more than {cap:,} bytes", state=TOO_BIG)
        if data:
            sink(data)
        if place.ends(len(data), offset):
            break
    if place.exact and offset != place.size:
        raise Later(f"{offset:,} of {place.size:,} bytes arrived", state="incomplete")


@dataclass(frozen=True, slots=True)
class _FileLocation:
    """Where a file lies, in which data centre, and how many bytes it has (0: unknown; a picture's may be a guess).

    `whole` is a picture so small that the message itself carries it.
    """

    location: Any
    dc: int
    size: int
    exact: bool = False
    whole: bytes | None = None

    def ends(self, came: int, offset: int) -> bool:
        """Whether the piece that ended at `offset` was the last. A server may give less than it was asked for."""
        if came in (0, PIECE):
            return came == 0 or (self.exact and offset >= self.size)
        return offset >= self.size or offset % _UNIT != 0


def _locate(message: Any) -> _FileLocation:
    media = getattr(message, "media", None) or getattr(message, "action", None)
    photo, document = getattr(media, "photo", None), getattr(media, "document", None)
    if isinstance(document, types.Document):
        there = types.InputDocumentFileLocation(document.id, document.access_hash, document.file_reference, "")
        return _FileLocation(there, document.dc_id, document.size, exact=document.size > 0)
    if isinstance(photo, types.Photo):
        largest = max(photo.sizes, key=_size, default=None)
        if isinstance(largest, types.PhotoCachedSize):
            return _FileLocation(None, photo.dc_id, len(largest.bytes), whole=largest.bytes)
        if largest is not None and _size(largest) > 0:
            there = types.InputPhotoFileLocation(photo.id, photo.access_hash, photo.file_reference, largest.type)
            return _FileLocation(there, photo.dc_id, _size(largest))
    raise Never("the message no longer has a file", state="gone")


def _size(one: Any) -> int:
    if isinstance(one, types.PhotoSizeProgressive):
        return int(max(one.sizes))
    if isinstance(one, types.PhotoCachedSize):
        return len(one.bytes)
    return int(one.size) if isinstance(one, types.PhotoSize) else 0
