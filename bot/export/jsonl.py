"""Posts as JSON lines, as `communique search --jsonl` prints them: what a source of kind replay reads."""

from bot.documents.as_json import as_json
from bot.export.contract import Format, Material, Place
from bot.foreign.text import json_text


def write(material: Material, place: Place) -> None:
    """One line a post."""
    with place.create("posts.jsonl") as file:
        for page in material.pages():
            file.write("".join([f"{json_text(as_json(post))}\n" for post in page]).encode())


FORMAT = Format(write, "posts.jsonl", streams=True)
