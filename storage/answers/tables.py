"""The tables of answers: acknowledgements, and verdicts on what a rule found."""

from typing import ClassVar

from sqlalchemy import Column, ForeignKey, Index, Integer, Text
from sqlalchemy import text as clause
from sqlmodel import Field, SQLModel


class AckTable(SQLModel, table=True):
    """Somebody took up the event of an alert. The first one counts; it covers every alert about the event."""

    __tablename__: ClassVar[str] = "acks"
    __table_args__ = (
        Index("acks_of", "match_id"),
        Index("acks_with_buttons", "id", sqlite_where=clause("buttons = 1")),
    )

    id: int | None = Field(default=None, primary_key=True)
    match_id: int = Field(sa_column=Column(Integer, ForeignKey("matches.id"), nullable=False))
    who: str = Field(sa_type=Text)
    at: int
    # 1: buttons under its alerts have to be taken away
    buttons: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default=clause("1")))


class VerdictTable(SQLModel, table=True):
    """What a person thinks of what a rule found. The last word of a person on a rule version and an event counts."""

    __tablename__: ClassVar[str] = "verdicts"
    __table_args__ = (Index("verdicts_of", "match_id"),)

    id: int | None = Field(default=None, primary_key=True)
    match_id: int = Field(sa_column=Column(Integer, ForeignKey("matches.id"), nullable=False))
    who: str = Field(sa_type=Text)
    verdict: str = Field(sa_type=Text)  # useful noise
    at: int


class BotTable(SQLModel, table=True):
    """How far a bot has heard. `bot` is its public number, the first part of its token."""

    __tablename__: ClassVar[str] = "bots"

    bot: str = Field(primary_key=True, sa_type=Text)
    next_update: int
    heard_at: int


class BotAnswerTable(SQLModel, table=True):
    """What somebody asked a bot, where the answer has several pages: the buttons to the others name it."""

    __tablename__: ClassVar[str] = "bot_answers"

    id: int | None = Field(default=None, primary_key=True)
    command: str = Field(sa_type=Text)
    words: str = Field(sa_type=Text)
    at: int


class DoneRequestTable(SQLModel, table=True):
    """What somebody asked for on a page and was done, by the key of the request: see storage.people.requests."""

    __tablename__: ClassVar[str] = "done_requests"

    key: str = Field(primary_key=True, sa_type=Text)
    at: int
    outcome: str = Field(sa_type=Text)  # ok refused
    said: str = Field(sa_type=Text)
