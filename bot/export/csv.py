"""Posts as CSV, as `communique search --csv` prints them: every cell quoted, and none that is taken for a formula."""

from bot.documents.as_json import as_json
from bot.documents.forms import write_csv
from bot.export.contract import Format, Material, Place
from bot.listing.posts import POST_COLUMNS

COLUMNS = tuple(column for column in POST_COLUMNS if column != "matched")


def write(material: Material, place: Place) -> None:
    """A line of headings, and one row a post."""
    documents = (as_json(post) for page in material.pages() for post in page)
    with place.create("posts.csv") as file:
        for line in write_csv(documents, COLUMNS):
            file.write(line.encode())


FORMAT = Format(write, "posts.csv", streams=True)
