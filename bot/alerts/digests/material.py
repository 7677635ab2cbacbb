"""Everything that the message of a digest contains, read in one transaction."""

from typing import TYPE_CHECKING

from bot.alerts.digests.compose import DigestMaterial
from storage.alerts import digests
from storage.posts import reading

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.records import DeliveryRow


def read_material(reader: "Reader", row: "DeliveryRow") -> DigestMaterial:
    """Read what the digest of this delivery lists."""
    digest = digests.find_of_delivery(reader, row.id)
    assert digest is not None  # both are made in one transaction
    listed = digests.list_digested(reader, digest.id)
    return DigestMaterial(digest, listed, reading.read_posts(reader, dict.fromkeys(one.post_id for one in listed)))
