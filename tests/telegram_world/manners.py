"""In what a server may differ from Telegram's own and still be one: seen in servers that other people wrote."""

from dataclasses import dataclass

from tests.telegram_world.channels import PAGE


@dataclass(slots=True)
class Manners:
    """As Telegram's own, until a test says otherwise. Which methods a server lacks is a fault: `Fault(method, error=…)`.

    `plain_pages`: a page of history is messages.messages or messages.messagesSlice, which know no pts, and the former
    no count. `hash_of_session`: an access hash is worth nothing after another sign-in. `strict_phone`: a number is
    digits. `small_handles`: a handle is found only in small letters. `omits_missing`: what is not there is left out instead of coming back as MessageEmpty. `page`: messages in
    a page, at most. `downwards_only`: `add_offset` and `min_id` are not looked at. `piece`: bytes of a file that are
    given at once, at most. `photo_bytes_off`: by how much the size of a photo is told wrongly. `tells_dc`: the
    data centre that every file is said to be in, wherever it is.
    """

    plain_pages: bool = False
    hash_of_session: bool = False
    strict_phone: bool = False
    small_handles: bool = False
    omits_missing: bool = False
    page: int = PAGE
    downwards_only: bool = False
    piece: int = 1 << 20
    photo_bytes_off: int = 0
    tells_dc: int = 0
