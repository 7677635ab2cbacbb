"""Makes the fonts of the reading room: subsets of Padauk and of Noto faces, under names of their own.

The OFL asks that a changed font bears no Reserved Font Name ("Padauk"), so every subset is called "Room …". Run it where
fonttools, brotli and the Debian packages fonts-sil-padauk, fonts-noto-core and fonts-noto-cjk are; the result is kept
in the repository, and nothing of the product imports this:

    python -m tests.web.make_fonts
"""

import sys
from collections.abc import Iterator
from pathlib import Path

FONTS = Path("/usr/share/fonts")
OUT = Path(__file__).parents[2] / "bot" / "web" / "static" / "fonts"
PADAUK, NOTO, CJK = FONTS / "truetype" / "padauk", FONTS / "truetype" / "noto", FONTS / "opentype" / "noto"
COMMON = [*range(0x20, 0x7F), 0xA0, 0xAB, 0xB7, 0xBB, *range(0x2010, 0x2027), 0x25CC, 0x200B, 0x200C, 0x200D]
MYANMAR = [*range(0x1000, 0x10A0), *range(0xAA60, 0xAA80), *range(0xA9E0, 0xAA00), *COMMON]
THAI = [*range(0x0E00, 0x0E80), *COMMON]
ARABIC = [*range(0x0600, 0x0700), *range(0x0750, 0x0780), *range(0xFB50, 0xFE00), *range(0xFE70, 0xFF00), *COMMON]
SIMPLIFIED = 2  # its place in the collection of Noto Sans CJK


def chinese() -> Iterator[int]:
    """The 3,755 commonest letters, which are level 1 of GB 2312, and Chinese punctuation."""
    for row in range(0xB0, 0xD8):
        for cell in range(0xA1, 0xFF):
            try:
                yield ord(bytes((row, cell)).decode("gb2312"))
            except UnicodeDecodeError:
                continue
    yield from (*range(0x3000, 0x3020), *range(0xFF01, 0xFF5F), *COMMON)


MADE = (
    ("room-myanmar.woff2", "Room Myanmar", PADAUK / "Padauk-Regular.ttf", -1, MYANMAR),
    ("room-myanmar-bold.woff2", "Room Myanmar", PADAUK / "Padauk-Bold.ttf", -1, MYANMAR),
    ("room-thai.woff2", "Room Thai", NOTO / "NotoSansThai-Regular.ttf", -1, THAI),
    ("room-arabic.woff2", "Room Arabic", NOTO / "NotoNaskhArabic-Regular.ttf", -1, ARABIC),
    ("room-chinese.woff2", "Room Chinese", CJK / "NotoSansCJK-Regular.ttc", SIMPLIFIED, list(chinese())),
)


def make(name: str, family: str, source: Path, number: int, letters: list[int]) -> int:
    """Write one subset; its size in bytes."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    font = TTFont(source, fontNumber=number, lazy=False)
    options = subset.Options(
        flavor="woff2", layout_features=["*"], hinting=False, notdef_outline=True, glyph_names=False,
        name_IDs=[0, 1, 2, 3, 4, 5, 6, 7, 13, 14], drop_tables=["Feat", "Glat", "Gloc", "Silf", "Sill", "DSIG", "vhea", "vmtx", "VORG"],
    )  # fmt: skip
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=letters)
    cutter.subset(font)
    bold = "Bold" in source.name
    rename(font, family, "Bold" if bold else "Regular")
    subset.save_font(font, str(OUT / name), options)
    return (OUT / name).stat().st_size


def rename(font: object, family: str, style: str) -> None:
    """Give it a name of its own; who made it and under which licence stays."""
    names = font["name"]  # type: ignore[index]
    new = {1: family, 2: style, 3: f"{family} {style}", 4: f"{family} {style}", 6: f"{family}-{style}".replace(" ", "")}
    names.names = [one for one in names.names if one.nameID in (0, 5, 7, 13, 14) and one.platformID == 3]
    for number, text in new.items():
        names.setName(text, number, 3, 1, 0x409)
    if "CFF " in font:  # type: ignore[operator]
        table = font["CFF "].cff  # type: ignore[index]
        table.fontNames = [new[6]]
        table.topDictIndex[0].FullName, table.topDictIndex[0].FamilyName = new[4], family


def main() -> None:
    OUT.mkdir(exist_ok=True)
    total = 0
    for entry in MADE:
        size = make(*entry)
        total += size
        sys.stdout.write(f"{entry[0]:28} {size:9,}\n")
    sys.stdout.write(f"{'in all':28} {total:9,}\n")


if __name__ == "__main__":
    main()
