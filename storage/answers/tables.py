"""The tables of answers: acknowledgements, and verdicts on what a rule found."""

from typing import ClassVar

from sqlalchemy import Column, ForeignKey, Index, Integer, Text
from sqlmodel import Field, SQLModel


class AckTable(SQLModel, table=True):
    """Somebody took up the event of an alert. The first one counts; it covers every alert about the event."""

    __tablename__: ClassVar[str] = "acks"
    __table_args__ = (Index("acks_of", "match_id"),)

    id: int | None = Field(default=None, primary_key=True)
    match_id: int = Field(sa_column=Column(Integer, ForeignKey("matches.id"), nullable=False))
    who: str = Field(sa_type=Text)
    at: int


class VerdictTable(SQLModel, table=True):
    """What a person thinks of what a rule found. The last word of a person on a rule version and an event counts."""

    __tablename__: ClassVar[str] = "verdicts"
    __table_args__ = (Index("verdicts_of", "match_id"),)

    id: int | None = Field(default=None, primary_key=True)
    match_id: int = Field(sa_column=Column(Integer, ForeignKey("matches.id"), nullable=False))
    who: str = Field(sa_type=Text)
    verdict: str = Field(sa_type=Text)  # useful noise
    at: int
