"""upload.getFile: the bytes of photos and documents in chunks, at the data centre that keeps them."""

from typing import Any

from telethon.tl import types

from tests.telegram_world import wire
from tests.telegram_world.answers.visit import Reply, Visit, plain
from tests.telegram_world.faults import Refusal

_UNIT = 4096  # bytes that an offset and a limit must be whole multiples of
_PRECISE_UNIT = 1024
_MOST = 1 << 20


def get_file(visit: Visit, request: Any) -> Reply:
    """Raises Refusal: FILE_REFERENCE_EXPIRED, FILE_MIGRATE_n, LIMIT_INVALID, OFFSET_INVALID, LOCATION_INVALID."""
    place, unit = request.location, _PRECISE_UNIT if request.precise else _UNIT
    if request.limit % unit or not 0 < request.limit <= _MOST:
        raise Refusal(400, "LIMIT_INVALID")
    if request.offset % unit or request.offset < 0:
        raise Refusal(400, "OFFSET_INVALID")
    known = isinstance(place, types.InputDocumentFileLocation | types.InputPhotoFileLocation)
    file = visit.world.files.get(place.id) if known else None
    if file is None or place.access_hash != wire.access_hash(0, place.id):
        raise Refusal(400, "LOCATION_INVALID")
    if place.file_reference != wire.file_reference(visit.world, place.id):
        raise Refusal(400, "FILE_REFERENCE_EXPIRED")
    home = file.dc or visit.world.dcs[0]
    if home != visit.dc:
        raise Refusal(303, f"FILE_MIGRATE_{home}")
    part = file.data[request.offset : request.offset + min(request.limit, visit.world.manners.piece)]
    return plain(types.upload.File(types.storage.FileUnknown(), 0, part))


ANSWERS = {"upload.getFile": get_file}
