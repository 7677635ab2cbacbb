"""What the account remembers in the archive: the waits that people hear of."""

import asyncio

from bot.archive import AsyncArchive
from bot.clock import MINUTE, Clock
from bot.telegram.archive_memory import ArchiveMemory
from storage.archive.database import Archive


def test_one_message_for_all_waits_that_fall_into_one_and_another_for_the_next(archive: Archive, now: int) -> None:
    passed = 0
    memory = ArchiveMemory(AsyncArchive(archive), Clock(now=lambda: now + passed), lambda: ("desk",))

    async def asked_to_wait(method: str, minutes: int) -> None:
        await memory.keep_wait(method, now + passed + minutes * MINUTE)

    def heard() -> list[str]:
        with archive.reading() as reader:
            assert reader.value("SELECT count(*) FROM deliveries WHERE kind = 'health'") == reader.value(
                "SELECT count(*) FROM notices"
            )
            return list(reader.column("SELECT text FROM notices ORDER BY id"))

    async def go() -> None:
        nonlocal passed
        await asked_to_wait("messages.getHistory", 5)
        assert heard() == [], "a short wait is no news"
        await asked_to_wait("messages.getHistory", 30)
        passed = 10 * MINUTE
        await asked_to_wait("messages.getHistory", 20)
        await asked_to_wait("channels.getMessages", 15)
        assert len(heard()) == 1, "the account waits already, and people know"
        passed = 30 * MINUTE
        await asked_to_wait("channels.getMessages", 6)
        assert [text.partition(";")[0] for text in heard()] == [
            "Telegram asks the account to wait for 30 minutes (messages.getHistory)",
            "Telegram asks the account to wait for 6 minutes (channels.getMessages)",
        ]
        await memory._store.aclose()

    asyncio.run(go())
