"""PURE: the words that turn a statement around (not, false, denies), and letters that are read for others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from storage.language.fold import fold

_PLAIN = (
    "not no zero never none nobody nothing cannot without neither nor wasnt isnt arent werent didnt doesnt dont hasnt"
    " havent hadnt wont cant couldnt wouldnt shouldnt percent minus nought"  # 40 of them, and 40 percent of them
    " unless hardly barely scarcely failed refuses refused rejects rejected declined boycott boycotts boycotted"
    " cancelled canceled"
    " 不 没 没有 未 尚未 非 无 取消 拒绝 မ ဘူး ไม่ มิได้ ปฏิเสธ ยกเลิก не ні нет ни никогда"
    " відмовився відмовилися отказался отказались"
    " никто ничего никаких никакой отверг отвергает отвергли отменил отменили"
    " ніхто нічого жоден жодна жодне жодного жодної"
    " لا ليس ليست لم لن غير رفض رفضت ولا ولم ولن وليس"
    " 别 勿 อย่า ไม่ได้"
    " ni nunca jamás ningún ninguno ninguna nadie nada tampoco sin rechaza rechazan rechazó rechazaron rechazamos"
    " cancela canceló cancelaron"
)
_STRONG = (
    "false fake untrue hoax lie disinformation misinformation unconfirmed deny denies denied denying refutes refuted"
    " debunked debunks propaganda alleged allegedly unverified rumour rumor fabricated wrong"
    " not_true isnt_true arent_true not_so never_happened incorrect baseless groundless unfounded misleading made_up"
    " 否认 虚假 不实 谣言 造谣 辟谣 假 မဟုတ် မမှန် လုပ်ကြံ ငြင်းဆို သတင်းအမှား သတင်းတု ကောလာဟလ ဝါဒဖြန့်"
    " 不是真的 不属实 不屬實 并非事实 並非事實 不是事实 不是事實 不符合事实 与事实不符 與事實不符"
    " 毫无根据 毫無根據 谎言 謊言 捏造 编造"
    " လိမ်ညာ မုသား"
    " ปฏิเสธ เท็จ ข่าวปลอม ข่าวลือ ไม่จริง ไม่เป็นความจริง ไม่ใช่ความจริง ไม่ใช่เรื่องจริง โกหก บิดเบือน"
    " фейк фейки фейкова фейковая неправда брехня дезінформація дезинформация чутки слухи вранье враньё ложь"
    " спростував спростовує спростували спростовано опроверг опровергает опровергли опровергнуто"
    " обман обманом выдумка вымысел вигадка не_правда не_соответствует_действительности"
    " не_соответствуют_действительности не_відповідає_дійсності не_відповідають_дійсності"
    " questionmark 吗 ဟုတ်လား မှန်လား တကယ်လား จริงหรือ จริงเหรอ"
    " كاذب كاذبة كذب شائعة شائعات إشاعة مفبرك مفبركة ملفق ملفقة نفى نفت ينفي تنفي مضلل مضللة"
    " fabrication fabrications invention inventions bogus nonsense falsehood untruth"
    " none_of_this none_of_that none_of_it nothing_of_the_sort nothing_of_the_kind no_such_thing"
    " did_not_happen didnt_happen did_not_take_place never_took_place do_not_believe dont_believe do_not_trust"
    " dont_trust opposite_is_true dispute_this dispute_that dispute_these disputes_this disputes_that"
    " falso falsa falsos falsas falsedad mentira mentiras miente mienten desmiente desmienten desmintió desmintieron"
    " desmentimos desmentido niega niegan niego negó negaron negamos bulo bulos patraña patrañas invención inventado"
    " inventada infundado infundada calumnia calumnias desinformación no_es_verdad no_es_cierto no_es_así nada_de_esto"
    " nada_de_eso no_ocurrió no_sucedió nunca_ocurrió nunca_sucedió no_crean no_lo_crean"
    " отрицает отрицают отрицал отрицала отрицали отрицаем опровергают опровергаем чушь бред клевета лживый лживая"
    " лживые ложная ложные ничего_подобного этого_не_было это_не_так всё_наоборот не_верьте не_верь"
    " заперечує заперечують заперечив заперечила заперечили заперечуємо брехні наклеп нісенітниця маячня"
    " нічого_подібного цього_не_було це_не_так не_вірте не_вір"
    " 子虚乌有 这回事 从未发生 并无此事 绝无此事 无中生有 不要相信 别信 不可信 胡说 一派胡言"
    " อย่าเชื่อ ไม่เคยเกิดขึ้น ไม่มีเรื่องนี้ ไม่ได้เกิดขึ้น ไร้มูล เหลวไหล ของปลอม กุข่าว กุเรื่อง"
    " လိမ် သတင်းမှား မယုံ မဖြစ်ခဲ့ မမှန်ကန်"
    " مزيف مزيفة ننفي أنفي ينفون نفوا باطل باطلة زائف زائفة مختلق مختلقة لا_تصدقوا لم_يحدث لم_يحصل_هذا أكذوبة"
    " غير_صحيح غير_صحيحة لا_صحة عار_عن_الصحة عارية_عن_الصحة لا_أساس أكاذيب افتراء"
)
# Not a single one of what a statement is about.
_EMPHATIC = (
    "not_one not_a_single not_even_one no_single ni_un ni_una ni_uno ningún ninguna ни_один ни_одна ни_одно ни_одного"
    " ни_одной ни_одну жоден жодна жодне жодного жодної жодну ولا أي 没有一 也没 แม้แต่ မှ_မ"
)
# What was only tried, or is only to come: within a sentence it makes another statement.
_HEDGES = (
    "almost nearly attempted attempt attempting tried tries try trying plan plans planned planning intends intend"
    " could possibly likely threatened threatens threaten wants want wanted offered offers offering promised promises"
    " vowed vows pledged demanded demands urged asked ordered prepares preparing"
    " would will shall might"
    " 企图 试图 计划 几乎 打算 准备 ကြိုးစား ကြိုးပမ်း ပြင်ဆင် พยายาม เกือบ เตรียม แผน"
    " спробували намагалися попытались пытались майже почти планують планируют"
    " حاول حاولت يحاول كاد"
)
# One letter for all that scanners, cameras and engines take for each other.
_ALIKE = ("oaeuc0", "il1tjf", "hb", "gq9y", "s5", "z2")
_MISREAD = str.maketrans({letter: group[0] for group in _ALIKE for letter in group})
_PAIRS = (("rn", "m"), ("nn", "m"), ("vv", "w"), ("cl", "d"), ("ii", "u"), ("ri", "n"))


def count_hedges(tokens: Sequence[str]) -> int:
    """How many words say of a deed that it was only tried, or is only to come."""
    text = f" {' '.join(tokens)} "
    return sum(text.count(f" {hedge} ") for hedge in _hedges())


@cache
def _hedges() -> frozenset[str]:
    return frozenset(fold(word).replace("+", "") for word in _HEDGES.split())


def count_denials(tokens: Sequence[str], *, strong: bool = False) -> int:
    """How many words turn around what these tokens say; with `strong` only those that speak of another statement."""
    found = place = 0
    while place < len(tokens):
        length = _length(tokens, place, strong=strong)
        found += length > 0
        place += max(length, 1)
    return found


def cut_out_emphasis(tokens: Sequence[str]) -> list[str] | None:
    """What these tokens say beside that there was not a single one; None if they do not say that."""
    text = f" {' '.join(tokens)} "
    found = next((phrase for phrase in _emphatic() if f" {phrase} " in text), None)
    if found is None or not count_denials(tokens):
        return None
    return text.replace(f" {found} ", " ", 1).split()


@cache
def _emphatic() -> tuple[str, ...]:
    return tuple(" ".join(_tokens(word)) for word in _EMPHATIC.split())


def _length(tokens: Sequence[str], place: int, *, strong: bool) -> int:
    if tokens[place] == "no" and place + 1 < len(tokens) and tokens[place + 1].isdecimal():
        return 0  # No. 15
    for name, is_strong in _beginning().get(tokens[place], ()):
        if (is_strong or not strong) and tuple(tokens[place : place + len(name)]) == name:
            return len(name)
    return 0


@cache
def _beginning() -> dict[str, list[tuple[tuple[str, ...], bool]]]:
    """Every such word by its first token, the longest first."""
    found: dict[str, list[tuple[tuple[str, ...], bool]]] = {}
    words = [(word, False) for word in _PLAIN.split()] + [(word, True) for word in _STRONG.split()]
    for name, strong in sorted(((_tokens(word), strong) for word, strong in words), key=_longest):
        found.setdefault(name[0], []).append((name, strong))
    return found


def _tokens(word: str) -> tuple[str, ...]:
    return tuple(fold(word.replace("_", " ")).replace("+", "").split(" "))


def _longest(one: tuple[tuple[str, ...], bool]) -> int:
    return -len(one[0])


def may_be_misread(one: str, other: str) -> bool:
    """Whether a machine could read one of these words for the other: a large first letter is hardly ever misread."""
    return one[:1] == other[:1] and outline(one) == outline(other)


def outline(word: str) -> str:
    """A word with one letter for all that are taken for each other."""
    for letters, instead in _PAIRS:
        word = word.replace(letters, instead)
    return word.translate(_MISREAD)
