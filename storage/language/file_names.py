"""PURE: the name of a file without its extension: what is said of a kind of file is nothing that anybody said."""

from __future__ import annotations

import re
from functools import lru_cache

# Kinds of files that posts carry. Other endings stay: in "talks with Lt.Gen" the last word is one.
_EXTENSIONS = (
    "3g2 3gp 7z aac aax abw accdb ai aif aiff amr ape apk apkm apks apng ari arj arw ass avi avif azw azw3 bak bat "
    "bin bmp bz2 c cab caf cap cbr cbz cdr cer cfg chm class cmd com conf cpp cr2 crt crypt14 crypt15 csv cue dat db "
    "dbf deb dib djvu dll dmg dng doc docm docx dot dotx dpx drawio ds_store dwf dwg dxf eml emz eot eps epub exe f4v "
    "fb2 fig flac flv fods fodt geojson gif gpg gpx gz h heic heif hevc htm html ico ics idx img indd ini ipa ipynb "
    "iso jar jfif jp2 jpe jpeg jpg js json jsonl jxl key kml kmz kra lnk log lrc lz4 lzh m2ts m3u m3u8 m4a m4b m4p "
    "m4r m4v md mdb mht mhtml mid midi mka mkv mobi mov mp2 mp3 mp4 mpa mpeg mpg mpo msg msi mts mxf nef numbers "
    "nupkg obj odg odp ods odt ofd oga ogg ogv ogx one opus orf otf ots ott oxps p12 p7b p7m p7s pages part pbix pcap "
    "pcx pdf pem pfx php pkg pl plist png pot potx pps ppsm ppsx ppt pptm pptx prn properties ps psd pst pub py qt ra "
    "raf ram rar raw rb rm rmvb rpm rss rtf rw2 sav sh shp shx sig sldx spx sql sqlite sqlite3 srt ssa stl sub svg "
    "svgz swf swift sxw sys tar tbz tex tgs tgz tif tiff tmp torrent ts tsv ttc ttf txt txz url uue vcf vcs vdx vob "
    "vsd vsdx vtt wav wbmp weba webm webmanifest webp whl wks wma wmf wmv woff woff2 wpd wps xapk xbm xcf xhtml xla "
    "xlam xls xlsb xlsm xlsx xlt xltx xml xmp xps xspf xz yaml yml z zip zipx zst "
)
EXTENSIONS = frozenset(_EXTENSIONS.split())


@lru_cache(maxsize=4096)
def stem(name: str) -> str:
    """The name without the extensions at its end, of which there may be several: a.tar.gz."""
    while (found := re.search(r"(?<=[^.\s])\.([A-Za-z0-9_]{1,11})\s*$", name)) and found[1].lower() in EXTENSIONS:
        name = name[: found.start()]
    return name


@lru_cache(maxsize=1)
def extension_tokens() -> frozenset[str]:
    """Every token that an extension folds to: mp and 4 of mp4."""
    return frozenset(token for ending in EXTENSIONS for token in re.findall("[a-z]+|[0-9]+", ending))
