"""The seeded archive holds an example of everything that the pages show."""

from collections.abc import Callable

from storage.archive.database import Archive
from storage.events.listing import list_quoting, read_members
from tests.web.archive import Seeded


def test_the_seeded_archive_is_sound_and_shows_everything_once(
    seeded: Seeded, check_invariants: Callable[..., None]
) -> None:
    with Archive(seeded.data_dir / "communique.db") as archive, archive.reading() as reader:
        states = reader.column("SELECT DISTINCT state FROM deliveries ORDER BY 1")
        assert states == ["dead", "digested", "joined", "pending", "sent", "silenced"]
        assert reader.value("SELECT count(*) FROM facing") == 1
        assert reader.column("SELECT DISTINCT kind FROM matches ORDER BY 1") == ["deleted", "edited", "match"]
        kinds = set(reader.column("SELECT DISTINCT kind FROM texts"))
        assert kinds >= {"body", "ocr", "transcript", "translation", "poll", "card", "file"}
        languages = set(reader.column("SELECT DISTINCT language FROM texts"))
        assert languages >= {"ar", "en", "my", "shn", "th", "zh"}
        assert reader.value("SELECT count(*) FROM gaps WHERE closed_at IS NULL AND reason = 'missed'") == 1
        members = read_members(reader, seeded.posts["claim"])
        assert {one.post_id for one in members} == {seeded.posts[name] for name in ("claim", "forward", "copy")}
        assert [post for post, _ in list_quoting(reader, seeded.posts["claim"])] == [seeded.posts["quote"]]
        check_invariants(archive)
