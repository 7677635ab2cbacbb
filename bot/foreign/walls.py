"""PURE: pages that are in the way of what was asked for: challenges, consent, payment, logins, empty frames."""

import re
from typing import Literal

from selectolax.lexbor import LexborHTMLParser

Wall = Literal["challenge page", "consent page", "subscription required", "sign-in required", "JavaScript required"]

_FEW = 120  # words: more is an article, whatever else the page holds
_CHALLENGE = re.compile(
    r"cf-chl-|/cdn-cgi/challenge-platform|__cf_chl|ddos-guard|_Incapsula_Resource|px-captcha|g-recaptcha|h-captcha|hcaptcha"
    r"|cf-turnstile|aws-waf-token|sucuri_cloudproxy|data-sitekey|anubis_challenge|/\.within\.website/",
    re.IGNORECASE,
)
_CHALLENGE_WORDS = re.compile(
    r"just a moment|checking your browser|verify(?:ing)? (?:that )?you are (?:a )?human|are you a robot"
    r"|attention required|access denied|unusual traffic|security check|you(?:'|\u2019)re not a bot",
    re.IGNORECASE,
)
_CONSENT_WORDS = re.compile(
    r"before you continue|we (?:and our partners )?(?:use|value|store).{0,60}(?:cookie|privacy)|accept (?:all|cookies)"
    r"|cookie (?:settings|consent)|consent|alle (?:cookies )?(?:akzeptieren|ablehnen)|tout (?:accepter|refuser)"
    r"|aceptar (?:todo|todas)|принять все|прийняти всі",
    re.IGNORECASE,
)
_CONSENT_AT_FRONT = re.compile(
    r"\bcookies?\b|\bкуки\b|クッキー|쿠키|ကွတ်ကီး|before you continue|we value your privacy|your privacy choices"
    r"|bevor sie fortfahren|avant de continuer|antes de continuar|prima di continuare",
    re.IGNORECASE,
)
_COOKIES_ARE_OFF = re.compile(
    r"(?:enable|turn on) (?:your )?cookies|cookies (?:are|must be) (?:enabled|disabled|turned|required)", re.IGNORECASE
)
_FRONT = 160  # letters of a page: a note about cookies at its foot is no wall
_PAY_WORDS = re.compile(
    r"subscribe (?:now |today )?to (?:continue|read|unlock|access)|subscribers[ -]only|only for subscribers"
    r"|already a subscriber|nur für abonnent|réservée? aux abonnés|s[oó]lo para suscriptores"
    r"|только (?:для подписчиков|по подписке)|лише для передплатників",
    re.IGNORECASE,
)
_SCRIPT_WORDS = re.compile(
    r"enable javascript|requires javascript|javascript (?:is|to be) (?:required|enabled|disabled)", re.IGNORECASE
)


def find_wall(html: str) -> Wall | None:
    """What is in the way, None for a page with words of its own."""
    page = LexborHTMLParser(html)
    hidden = " ".join(node.text() or "" for node in page.css("noscript"))
    page.strip_tags(["script", "style", "noscript", "template"])
    body = page.body
    words = " ".join((body.text(separator=" ") if body is not None else "").split())
    title = " ".join((node.text() or "") for node in page.css("title"))
    if len(words.split()) > _FEW or len(words) > 8 * _FEW:
        return None
    if _CHALLENGE.search(html) or _CHALLENGE_WORDS.search(f"{title} {words}"):
        return "challenge page"
    if _PAY_WORDS.search(f"{title} {words}"):
        return "subscription required"
    if page.css_first('input[type="password"]') is not None:
        return "sign-in required"
    if _CONSENT_WORDS.search(f"{title} {words}") and page.css_first("form, button, [role=button]") is not None:
        return "consent page"
    page.strip_tags(["footer", "nav"])  # their links to a policy are on pages that say something, too
    own = " ".join((body.text(separator=" ") if body is not None else "").split())
    front = f"{title} {own[:_FRONT]}"  # where nothing can be pressed, a link or a script asks for consent
    if _CONSENT_AT_FRONT.search(front) and not _COOKIES_ARE_OFF.search(f"{words} {hidden}"):
        return "consent page"
    if len(words) < 80 and ("<script" in html.lower()) and (_SCRIPT_WORDS.search(hidden + words) or _is_frame(page)):
        return "JavaScript required"
    return None


def _is_frame(page: LexborHTMLParser) -> bool:
    """Whether the page is only the place into which a script writes."""
    return page.css_first("#root, #app, #__next, #__nuxt, #___gatsby, app-root, [data-reactroot]") is not None
