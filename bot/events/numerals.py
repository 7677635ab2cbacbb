"""PURE: what numbers, dates and opposites a few tokens name: in digits, in words, as months, days and directions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from storage.frozen import dataclass
from storage.language.fold import fold

_ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = (
    "first:1 second:2 third:3 fourth:4 fifth:5 sixth:6 seventh:7 eighth:8 ninth:9 tenth:10 eleventh:11 twelfth:12"
    " thirteenth:13 fourteenth:14 fifteenth:15 sixteenth:16 seventeenth:17 eighteenth:18 nineteenth:19"
    " twentieth:20 secondly:2 thirdly:3 once:1 twice:2 both:2 thrice:3"
)
# Burmese syllables, Chinese characters, Thai clusters: a word of several is a number only as a whole.
_OTHERS = (
    "တစ်:1 နှစ်:2 သုံး:3 လေး:4 ငါး:5 ခြောက်:6 ခုနစ်:7 ခုနှစ်:7 ရှစ်:8 ကိုး:9 ဆယ်:10 ဆယ့်:10 ရာ:100 ရာ့:100 ထောင်:1000"
    " ထောင့်:1000 သောင်း:10000 သိန်း:100000 သန်း:1000000 ကုဋေ:10000000 ပထမ:1 ဒုတိယ:2 တတိယ:3 စတုတ္ထ:4 "
    "零:0 〇:0 一:1 二:2 两:2 兩:2 三:3 四:4 五:5 六:6 七:7 八:8 九:9 十:10 廿:20 百:100 千:1000 万:10000 萬:10000"
    " 亿:100000000 億:100000000 壹:1 贰:2 貳:2 叁:3 參:3 肆:4 伍:5 陆:6 陸:6 柒:7 捌:8 玖:9 拾:10 佰:100 仟:1000 "
    "dozen:12 half_dozen:6 half_a_dozen:6 hundred:100 thousand:1000 million:1000000 mln:1000000 mn:1000000"
    " billion:1000000000 bn:1000000000 trillion:1000000000000 trn:1000000000000 tn:1000000000000 "
    "ศูนย์:0 หนึ่ง:1 เอ็ด:1 สอง:2 ยี่:2 สาม:3 สี่:4 ห้า:5 หก:6 เจ็ด:7 แปด:8 เก้า:9 สิบ:10 ร้อย:100 พัน:1000 หมื่น:10000"
    " แสน:100000 ล้าน:1000000"
)
# Ukrainian and Russian, as they are counted and as they are bent.
_CYRILLIC = (
    "нуль:0 ноль:0 один:1 одна:1 одне:1 одно:1 одного:1 два:2 дві:2 две:2 двоє:2 двое:2 двох:2 двух:2 три:3 троє:3"
    " трое:3 трьох:3 трех:3 чотири:4 четверо:4 чотирьох:4 четыре:4 четырех:4 п'ять:5 п'ятеро:5"
    " п'яти:5 пять:5 пятеро:5 пяти:5"
    " шість:6 шестеро:6 шести:6 шесть:6 сім:7 семеро:7 семи:7 семь:7 вісім:8 восьмеро:8 восьми:8 восемь:8 дев'ять:9"
    " дев'ятеро:9 дев'яти:9 девять:9 девяти:9 десять:10 десятеро:10 десяти:10 одинадцять:11 одиннадцать:11"
    " дванадцять:12 двенадцать:12 тринадцять:13 тринадцать:13 чотирнадцять:14 четырнадцать:14"
    " п'ятнадцять:15 пятнадцать:15 шістнадцять:16 шестнадцать:16 сімнадцять:17 семнадцать:17 вісімнадцять:18"
    " восемнадцать:18 дев'ятнадцять:19"
    " девятнадцать:19 двадцять:20 двадцать:20 двадцати:20 тридцять:30 тридцать:30 тридцати:30 сорок:40 п'ятдесят:50"
    " пятьдесят:50 шістдесят:60 шестьдесят:60 сімдесят:70 семьдесят:70 вісімдесят:80 восемьдесят:80 дев'яносто:90"
    " девяносто:90 сто:100 двісті:200 двести:200 триста:300 чотириста:400 четыреста:400 п'ятсот:500 пятьсот:500"
    " шістсот:600 шестьсот:600 сімсот:700 семьсот:700 вісімсот:800 восемьсот:800 дев'ятсот:900 девятьсот:900"
    " тисяча:1000 тисячі:1000 тисяч:1000 тысяча:1000 тысячи:1000 тысяч:1000 мільйон:1000000 мільйони:1000000"
    " мільйонів:1000000 миллион:1000000 миллиона:1000000 миллионов:1000000 мільярд:1000000000 мільярди:1000000000"
    " мільярдів:1000000000 миллиард:1000000000 миллиарда:1000000000 миллиардов:1000000000 перший:1 перша:1 первый:1"
    " первая:1 другий:2 друга:2 второй:2 вторая:2 третій:3 третя:3 третий:3 третья:3 третина:3 третину:3 треть:3"
)
_ARABIC = (
    "صفر:0 واحد:1 واحدة:1 اثنان:2 اثنتان:2 ثلاثة:3 ثلاث:3 أربعة:4 أربع:4 خمسة:5 خمس:5 ستة:6 ست:6 سبعة:7 سبع:7 ثمانية:8"
    " ثماني:8 ثمان:8 تسعة:9 تسع:9 عشرة:10 عشر:10 عشرون:20 عشرين:20 ثلاثون:30 ثلاثين:30 أربعون:40 أربعين:40 خمسون:50"
    " خمسين:50 ستون:60 ستين:60 سبعون:70 سبعين:70 ثمانون:80 ثمانين:80 تسعون:90 تسعين:90 مئة:100 مائة:100 مئات:100"
    " مئتان:200 مئتين:200 مئتي:200 ألف:1000 آلاف:1000 ألفان:2000 ألفين:2000 مليون:1000000 ملايين:1000000"
    " مليار:1000000000 مليارات:1000000000 الأول:1 الأولى:1 الثاني:2 الثانية:2 الثالث:3 الثالثة:3"
)
_PARTS = "half:half quarter:quarter all:all 半:half 半数:half 全部:all половина:half половину:half نصف:half ربع:quarter"
_VAGUE = "十几:teens 几十:tens 数十:tens 几百:hundreds 数百:hundreds 几千:thousands 数千:thousands"
_ONES = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_ROMANS = [tens + ones for tens in ("", "x", "xx", "xxx") for ones in _ONES]
# An underscore is a space within a name.
_DATES = (
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "- - - - - - - - sept",
    "ဇန်နဝါရီ ဖေဖော်ဝါရီ မတ် ဧပြီ မေ ဇွန် ဇူလိုင် ဩဂုတ် စက်တင်ဘာ အောက်တိုဘာ နိုဝင်ဘာ ဒီဇင်ဘာ",
    "มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม",
    "ม.ค. ก.พ. มี.ค. เม.ย. พ.ค. มิ.ย. ก.ค. ส.ค. ก.ย. ต.ค. พ.ย. ธ.ค.",
    "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    "січень лютий березень квітень травень червень липень серпень вересень жовтень листопад грудень",
    "січні лютому березні квітні травні червні липні серпні вересні жовтні листопаді грудні",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь",
    "январе феврале марте апреле мае июне июле августе сентябре октябре ноябре декабре",
    "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "كانون_الثاني شباط آذار نيسان أيار حزيران تموز آب أيلول تشرين_الأول تشرين_الثاني كانون_الأول",
)
_DAYS = (
    "monday tuesday wednesday thursday friday saturday sunday",
    "mon tue wed thu fri sat sun",
    "- tues weds thurs",
    "တနင်္လာ အင်္ဂါ ဗုဒ္ဓဟူး ကြာသပတေး သောကြာ စနေ တနင်္ဂနွေ",
    "จันทร์ อังคาร พุธ พฤหัสบดี ศุกร์ เสาร์ อาทิตย์",
    *(
        " ".join(start + end for end in ends)
        for start in ("星期", "周", "礼拜")
        for ends in ("一二三四五六日", "一二三四五六天")
    ),
    "понеділок вівторок середа четвер п'ятниця субота неділя",
    "понеділка вівторка середу четверга п'ятницю суботу неділю",
    "понедельник вторник среда четверг пятница суббота воскресенье",
    "понедельника вторника среду четверга пятницу субботу воскресенья",
    "الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد",
    "الإثنين",
)
_MOONS = (
    "တန်ခူး ကဆုန် နယုန် ဝါဆို ဝါခေါင် တော်သလင်း သီတင်းကျွတ် တန်ဆောင်မုန်း နတ်တော် ပြာသို တပို့တွဲ တပေါင်း",
    "محرم صفر_الخير ربيع_الأول ربيع_الآخر - - رجب شعبان رمضان شوال",
)
# What is said in a few ways: those with a bar between them are different.
_OPPOSITES = {
    "direction": "north northern 北 เหนือ північ північний півночі север севере северный شمال الشمال"
    " | south southern 南 ใต้ південь південний півдні юг юге южный جنوب الجنوب"
    " | east eastern 东 အရှေ့ ตะวันออก схід східний сході восток востоке восточный شرق الشرق"
    " | west western 西 အနောက် ตะวันตก захід західний заході запад западе западный غرب الغرب",
    "hour": "am morning dawn 上午 早上 今晨 清晨 နံနက် မနက် เช้า ранок вранці утром صباحا صباح"
    " | noon midday 中午 နေ့လယ် เที่ยง ظهرا | pm afternoon 下午 မွန်းလွဲ บ่าย"
    " | evening 傍晚 ညနေ เย็น ввечері увечері вечером مساء | night tonight 夜 晚上 ည คืน вночі уночі ночью ليلا"
    " | midnight 午夜",
    "when": "today 今天 今日 ယနေ့ ဒီနေ့ วันนี้ сьогодні сегодня اليوم"
    " | yesterday 昨天 昨日 ယမန်နေ့ မနေ့က เมื่อวาน вчора вчера أمس | tomorrow 明天 明日 မနက်ဖြန် พรุ่งนี้ завтра غدا"
    " | 上周 上月 去年 | 下周 下月 明年 | 本周 本月 今年",
    "unit": "km kilometre kilometer км 公里 กิโลเมตร ကီလိုမီတာ كيلومتر | m metre meter м 米 เมตร မီတာ متر | mile | cm | mm"
    " | kg 公斤 กิโลกรัม | g gram | t ton tonne 吨 ตัน တန် тонн طن",
    "span": "minute 分钟 นาที မိနစ် хвилин минут دقيقة | hour 小时 ชั่วโมง နာရီ годин часов ساعة"
    " | day 天 วัน днів дней يوم | week 星期 周 สัปดาห์ ရက်သတ္တပတ် тиждень неделю أسبوع"
    " | month 个月 เดือน місяць месяц شهر | year 年 ปี рік год سنة",
    "access": "open opened reopened 开放 เปิด ဖွင့် | closed shut 关闭 ปิด ပိတ်",
    "fate": "dead killed died 死亡 遇难 သေဆုံး เสียชีวิต загинули погибли قتل"
    " | wounded injured 受伤 ဒဏ်ရာ บาดเจ็บ поранені ранены أصيب جرح",
    "hold": "captured seized taken won 占领 控制 | lost abandoned 失守 | repelled 击退",
    "course": "began started starting begun 开始 เริ่ม စတင် почав почали начал начали بدأ بدأت"
    " | ended stopped stopping finished halted 结束 停止 ยุติ завершив завершили закончил закончили انتهى انتهت",
    "trend": "increased rose 增加 上升 เพิ่มขึ้น зросла выросла | decreased fell dropped 减少 下降 ลดลง знизилась",
    "move": "advanced advancing attacked 进攻 наступали | retreated retreating withdrew 撤退 ဆုတ်ခွာ відступили отступили",
    "answer": "accepted agreed 同意 เห็นด้วย သဘောတူ погодився погодились согласился согласились وافق وافقت"
    " | rejected refused ငြင်းပယ် ปฏิเสธ відмовився отказался رفض رفضت",
    "stance": "support supports supported 支持 | oppose opposes opposed 反对",
    "arrest": "released freed 释放 звільнили освободили | arrested detained 逮捕 затримали задержали",
    "order": "lifted 解除 | imposed 实施",
    "bound": "more over above 以上 มากกว่า більше более | less fewer under below 以下 不到 น้อยกว่า менше менее",
    "amount": "most many much | few little",
    "who": "our ours we 我 我们 我方 เรา | their theirs they 他们 敌 敌人 敌军 ข้าศึก พวกเขา",
    "place": "inside within | outside",
    "time": "before | after",
    "side": "left | right",
    "level": "upper | lower",
    "law": "legal | illegal",
    "guilt": "guilty | innocent",
    "danger": "safe | unsafe dangerous",
    "chance": "possible | impossible",
    "friend": "friendly | enemy hostile",
    "victims": "soldier troop 士兵 ทหาร စစ်သား солдат солдатів | civilian villager 平民 村民 ชาวบ้าน ရွာသား"
    " | child children 儿童 дітей детей",
}
_SCALES = frozenset(10**power for power in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12))


def find_values(tokens: Sequence[str]) -> list[tuple[int, int, str]]:
    """What these tokens name that has another value elsewhere, in order: (start, end, "35" or "month 11").

    Numbers, months, days of the week, and words that have an opposite: "direction north", "fate dead".
    """
    found: list[tuple[int, int, str]] = []
    run: list[_Numeral] = []
    names, end = _beginning(), 0
    for place in [number for number, token in enumerate(tokens) if token in names or token.isdecimal()]:
        if place < end:
            continue  # in the middle of a name
        if place > end and run:
            found += _said(run)
            run = []
        length, value = _longest_name(tokens, place)
        end = place + length
        if isinstance(value, int):
            digits = tokens[place].isdecimal()
            scale = not digits and (value in _SCALES or tokens[place] == "dozen")
            run.append(_Numeral(place, end, value, digits, scale))
        else:
            found += _said(run)
            run = []
            found += [(place, end, value)] if value else []
    return found + _said(run)


def kind_of(value: str) -> str:
    """Of which kind a value is: numbers and dates are one, each sort of opposites another."""
    what, _, _ = value.partition(" ")
    return what if what in _OPPOSITES else "number"


def is_roman(token: str) -> bool:
    """Whether a token may be a Roman number; "i" may be a word as well."""
    return token in ("l", "c") or token in _ROMANS[1:]


def _longest_name(tokens: Sequence[str], place: int) -> tuple[int, int | str | None]:
    if tokens[place].isdecimal():
        return _read_digits(tokens, place)
    for name, value in _beginning().get(tokens[place], ()):
        if tuple(tokens[place : place + len(name)]) == name:
            return len(name), value
    return 1, None


def _read_digits(tokens: Sequence[str], place: int) -> tuple[int, int]:
    """Digits, with the groups of three that follow (1 200), or with a "k" for the thousands."""
    digits, length = tokens[place][:18], 1
    if len(digits) <= 3 and digits[0] != "0":
        while length < 4 and place + length < len(tokens) and _is_group(tokens[place + length]):
            digits += tokens[place + length]
            length += 1
    if place + length < len(tokens) and tokens[place + length] == "k":
        return length + 1, int(digits) * 1000
    return length, int(digits)


def _is_group(token: str) -> bool:
    return len(token) == 3 and token.isdecimal()


@dataclass(frozen=True, slots=True)
class _Numeral:
    """A numeral and where it is; digits are part of a longer number only if a scale (dozen, hundred, 万) follows."""

    start: int
    end: int
    value: int
    digits: bool
    scale: bool


def _said(run: Sequence[_Numeral]) -> list[tuple[int, int, str]]:
    """Numerals in a row as numbers: thirty five and 三十五 are one; two digits beside each other are two."""
    if len(run) < 2:
        return [(one.start, one.end, str(one.value)) for one in run]
    numbers: list[tuple[int, int, list[int]]] = []
    room = 0  # a power of ten below which the next numeral still belongs to the last number
    for place, one in enumerate(run):
        start, _, parts = numbers[-1] if numbers else (one.start, one.end, [])
        counted = _take_below(parts, one.value) if one.scale else 0
        if counted:
            parts.append(counted * one.value)
        elif one.value < room and (not one.digits or _is_scale(run, place + 1)):
            parts.append(one.value)
        else:
            numbers.append((one.start, one.end, [one.value]))
            room = _room_behind(one)
            continue
        numbers[-1] = start, one.end, parts
        room = one.value if one.scale else room if one.value == 0 else _room_behind(one)
    return [(start, end, str(sum(parts))) for start, end, parts in numbers]


def _take_below(parts: list[int], scale: int) -> int:
    """Take the last parts of a number that count this scale: the two hundred of two hundred thousand."""
    taken = 0
    while parts and parts[-1] < scale:
        taken += parts.pop()
    return taken


def _is_scale(run: Sequence[_Numeral], place: int) -> bool:
    return place < len(run) and run[place].scale


def _room_behind(one: _Numeral) -> int:
    if one.digits or (one.value < 20 and one.value not in _SCALES):
        return 0
    return max((power for power in (10, *_SCALES) if one.value % power == 0), default=0)


@cache
def _beginning() -> dict[str, list[tuple[tuple[str, ...], int | str]]]:
    """Every name by its first token, the longest first."""
    found: dict[str, list[tuple[tuple[str, ...], int | str]]] = {}
    for name, value in sorted(_names().items(), key=lambda pair: -len(pair[0])):
        found.setdefault(name[0], []).append((name, value))
    return found


@cache
def _names() -> dict[tuple[str, ...], int | str]:
    """Every name, as it is folded."""
    known: dict[str, int | str] = dict(zip(_ENGLISH.split(), range(20), strict=True))
    known |= dict(zip(_TENS.split(), range(20, 100, 10), strict=True))
    known |= {roman: number for number, roman in enumerate(_ROMANS) if len(roman) > 1}
    for pair in f"{_ORDINALS} {_OTHERS} {_CYRILLIC} {_ARABIC}".split():
        name, _, value = pair.partition(":")
        known[name.replace("_", " ")] = int(value)
    for pair in f"{_PARTS} {_VAGUE}".split():
        name, _, what = pair.partition(":")
        known[name] = what
    for table, what in ((_DATES, "month"), (_DAYS, "day"), (_MOONS, "moon")):
        for names in table:
            numbered = enumerate(names.replace("-", "").split(" ") if "-" in names else names.split(), 1)
            known |= {name.replace("_", " "): f"{what} {number}" for number, name in numbered if name}
    for what, names in _OPPOSITES.items():
        for group in names.split("|"):
            first, *others = group.split()
            known |= dict.fromkeys((first, *others), f"{what} {first}")
    return {tuple(fold(name).split(" ")): value for name, value in known.items()}
