"""Statements of a channel that does not exist, to be drawn as pictures and spoken as voice notes.

A line of a statement is a line of the page: Burmese, Thai and Chinese have no spaces to break at.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said, and the keywords that a desk would want to find in it."""

    language: str
    text: str
    keywords: tuple[str, ...]


ENGLISH = Statement(
    "en",
    """\
STATEMENT OF THE RIVER ALLIANCE
No. 14/2024          3 August 2024

1. Today at 04:00 our joint forces took full control of the
North-Eastern Regional Command headquarters in Lashio.

2. Senior officers, including the deputy commander, were
arrested. More than 900 soldiers surrendered with their
families and were moved to a safe place.

3. Civilians are asked to stay in their homes and to avoid
the road between Lashio and Hsenwi until further notice.

Department of Information""",
    ("regional command", "north-eastern", "deputy commander", "surrendered", "Lashio", "Hsenwi"),
)

BURMESE = Statement(
    "my",
    """\
မြစ်ဝှမ်းမဟာမိတ်အဖွဲ့ ထုတ်ပြန်ကြေညာချက်
အမှတ် (၁၄/၂၀၂၄)
ရက်စွဲ ၂၀၂၄ ခုနှစ်၊ ဩဂုတ်လ ၃ ရက်

၁။ မဟာမိတ်တပ်ဖွဲ့များသည် ယနေ့နံနက် ၄ နာရီတွင် လားရှိုးမြို့ရှိ
အရှေ့မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်ကို အပြီးအပိုင်
သိမ်းပိုက်နိုင်ခဲ့ပြီ ဖြစ်ပါသည်။

၂။ တိုက်ပွဲအတွင်း ဒုတိယတိုင်းမှူးအပါအဝင် အဆင့်မြင့်စစ်အရာရှိများ
ဖမ်းဆီးခံရကြောင်း သိရှိရပါသည်။ စစ်သား ၉၀၀ ကျော်
လက်နက်ချခဲ့ပြီး မိသားစုဝင်များကို ဘေးလွတ်ရာသို့ ပို့ဆောင်ပေးထားသည်။

၃။ ပြည်သူများအနေဖြင့် မိမိတို့နေအိမ်များတွင်သာ နေထိုင်ကြရန်နှင့်
လားရှိုးနှင့် သိန္နီအကြား ကားလမ်းကို ယာယီရှောင်ကြဉ်ကြရန်
မေတ္တာရပ်ခံအပ်ပါသည်။""",
    ("တိုင်းစစ်ဌာနချုပ်", "လားရှိုး", "သိန္နီ", "လက်နက်ချ", "သိမ်းပိုက်", "စစ်အရာရှိများ"),
)

CHINESE = Statement(
    "zh",
    """\
河谷联盟声明

今日凌晨四时，联军已完全控制
该市的东北军区司令部。
包括副司令和参谋长在内的多名
高级军官被捕，九百余名士兵投降。
请民众留在家中，暂时避免使用
通往兴威的公路。""",
    ("东北军区", "司令部", "副司令", "参谋长", "投降", "兴威"),
)

THAI = Statement(
    "th",
    """\
แถลงการณ์พันธมิตรลุ่มน้ำ

วันนี้เวลาสี่นาฬิกา กองกำลังของเราได้เข้าควบคุม
กองบัญชาการภาคตะวันออกเฉียงเหนือ
ในเมืองล่าเสี้ยวอย่างสมบูรณ์
พบว่าเจ้าหน้าที่ระดับสูงหลายคนถูกจับกุม
และทหารกว่า ๙๐๐ นายยอมจำนน""",
    ("กองบัญชาการ", "ตะวันออกเฉียงเหนือ", "ล่าเสี้ยว", "ถูกจับกุม", "ยอมจำนน"),
)

STATEMENTS = (ENGLISH, BURMESE, CHINESE, THAI)

# A voice note says it in sentences, and each clause apart: a voice of espeak-ng fails on long input.
SPOKEN = (
    "The regional command has fallen. Senior officers were arrested this morning.",
    (
        "This is a statement of the River Alliance. Today at four in the morning our joint forces took full control of "
        "the regional command headquarters in Lashio. More than nine hundred soldiers surrendered with their families "
        "and were moved to a safe place. Please stay in your homes, and avoid the road between Lashio and Hsenwi until "
        "further notice."
    ),
)
HOT_WORDS = ("Lashio", "Hsenwi", "regional command", "River Alliance")
