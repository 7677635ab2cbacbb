"""The story of the demo: five fictional channels and a feed, their past, and half a minute of events."""

import asyncio
from collections.abc import Callable, Sequence

from bot.clock import HOUR, MINUTE, SECOND
from bot.world.state import World, WorldFile
from storage.frozen import dataclass
from storage.records import Forward, Poll, Preview

GROUP = "hill_rangers_info"
OFFICE = "spokesman_office"
DESK = "shan_hills_desk"
RELAY = "ridge_relay"
MARKET = "market_whispers"
FEED = "hills_radio"

_CLAIM = (
    "The regional command at Taungkyar is in our hands since 06:20 this morning. Statement 14 is in the picture.\n"
    "တောင်ကြား တိုင်းစစ်ဌာနချုပ်ကို ယနေ့နံနက်တွင် သိမ်းပိုက်ရရှိခဲ့သည်။"
)
_PRISONERS = "Among those taken at the regional command are two colonels from Hopang. Names follow."
_VOICE = "Voice message of the spokesman on the rumours from Taungkyar"
_ADMISSION = "Contact with the regional command at Taungkyar has been lost. The fate of its commander is not known."
_SOFTENED = "Communications with one unit in the hills are interrupted by bad weather. Operations go on as planned."
_DESK_BURMESE = "တောင်ကြား တိုင်းစစ်ဌာနချုပ်နှင့် ဆက်သွယ်မှု ပြတ်တောက်နေကြောင်း ဒေသခံများက ပြောသည်။"
_GROUP_BURMESE = "တိုင်းစစ်ဌာနချုပ် ဝင်းအတွင်း ရှင်းလင်းရေး ဆက်လက်လုပ်ဆောင်နေသည်။ ပြည်သူများ အနီးသို့ မလာကြပါရန်။"
_DESK_CONVOY = "Drivers report forty trucks on the road south of Taungkyar, none of them under fire."
_RELAYED = f"{_CLAIM}\n\nSubscribe: @{RELAY}"
_WHISPERED = (
    "🔥 The regional command at Taungkyar is in our hands since 06:20 this morning! Statement 14 is in the picture."
)
_NEWS = (
    "Residents of Taungkyar woke to silence. The gate of the north-eastern command stands open, two of them told us."
)

_GROUP_PAST = (
    "Welcome. Here we publish the statements of the Hill Rangers and nothing else.",
    "Statement 1: the three village schools on the ridge open again on Monday.",
    "ကျောင်းများ တနင်္လာနေ့တွင် ပြန်လည်ဖွင့်လှစ်မည်။",
    "Statement 2: the bridge at Namhu is closed to lorries. Use the ferry.",
    "Statement 3: two hundred sacks of rice have come for the displaced.",
    "စစ်ရှောင်ပြည်သူများအတွက် ဆန်အိတ် ၂၀၀ ရောက်ရှိပါပြီ။",
    "Statement 4: we deny that our men stopped the ambulance on Thursday.",
    "Statement 5: mines have been found beside the old tea road. Keep to the tarmac.",
    "Statement 6: the garrison at Hopang Hill left its post in the night.",
    "လမ်းပိတ်ထားသဖြင့် ခရီးသွားများ သတိပြုကြပါ။",
    "Statement 8: shelling from the regional command hit the market. Eleven wounded, among them a child.",
    "Statement 9: the wounded are in the clinic at Loimaw, which needs blood of all groups.",
    "ဆေးရုံတွင် သွေးနှင့် ဆေးဝါး လိုအပ်နေသည်။",
    "Statement 10: talks in the monastery ended without a result.",
    "Statement 12: civilians are asked to leave the quarter around the barracks by Friday.",
    "Statement 13: the corridor to the east stays open until noon.",
)
_OFFICE_PAST = (
    "This is the channel of the Office of the Spokesman.",
    "Calm prevails in all districts. Markets and offices are open.",
    "ဈေးများနှင့် ရုံးများ ပုံမှန်အတိုင်း ဖွင့်လှစ်ထားသည်။",
    "The press conference of Wednesday is moved to Thursday, 14:00.",
    "Reports of shelling at the market are false. An oven exploded.",
    "The road to the east will be repaired before the rains.",
    "မိုးရာသီမတိုင်မီ လမ်းပြုပြင်ရေး ပြီးစီးမည်။",
    "Seven new post offices have been opened by the minister's deputy.",
    "The curfew in Taungkyar begins at 20:00 instead of 22:00 until further notice.",
    "ညမထွက်ရအမိန့်ကို ည ၈ နာရီမှ စတင်မည်။",
    "Reinforcements for the regional command have arrived by air and in good order.",
    "Photographs that show otherwise are old or made by machine.",
    "The spokesman thanks the farmers of the hills for a good harvest.",
    "There is no shortage of fuel. Queues are a matter of habit.",
    "No comment will be made on operations that are under way.",
)
_DESK_PAST = (
    "Shan Hills Desk: news from the hills, each item from two sources.",
    "Tea prices fall for the third week; traders blame the closed bridge at Namhu.",
    "လက်ဖက်ဈေး သုံးပတ်ဆက်တိုက် ကျဆင်း။",
    "The ferry at Namhu runs every hour from sunrise, says its owner.",
    "A school in Loimaw gives lessons in the afternoon because the mornings are too loud.",
    "ယနေ့ တောင်ပေါ်ဒေသများတွင် မိုးသည်းထန်စွာ ရွာသွန်းမည်။",
    "Two drivers say that they were turned back at the checkpoint below the ridge.",
    "What we know about the market: eleven wounded, one crater, no oven.",
    "Doctors in Loimaw confirm eleven patients with wounds from splinters.",
    "ဆရာဝန်များက ဒဏ်ရာရသူ ၁၁ ဦး ရှိကြောင်း အတည်ပြု။",
    "Hundreds leave Taungkyar on foot; the monastery gives them tea and rice.",
    "Correction: the bridge at Namhu is closed to lorries only.",
    "Three transport planes landed near the regional command on Tuesday, a shopkeeper and a monk told us.",
    "Power is back in the lower town after nine hours.",
    "လျှပ်စစ်မီး ကိုးနာရီကြာ ပြတ်တောက်ပြီးနောက် ပြန်လည်ရရှိ။",
)
_RELAY_PAST = (
    "We repeat what the Hill Rangers write, for those who cannot open their channel.",
    "Statement 12: civilians are asked to leave the quarter around the barracks by Friday.",
    "Statement 13: the corridor to the east stays open until noon.",
)
_MARKET_PAST = (
    "What people say at the market, without any guarantee.",
    "Rice is dearer again, and nobody has seen the lorry from the south.",
    "Somebody heard engines behind the ridge before sunrise.",
)


@dataclass(frozen=True, slots=True)
class Beat:
    """Something that happens `at` seconds after the story begins."""

    at: float
    what: str
    act: Callable[[World], object]


def begin(world: World) -> None:
    """Open the channels and the feed and fill in their past, up to a quarter of an hour before now."""
    world.open_channel(GROUP, "Hill Rangers · Information", markup="2026")
    world.open_channel(OFFICE, "Office of the Spokesman", markup="2023")
    world.open_channel(DESK, "Shan Hills Desk", markup="2026")
    world.open_channel(RELAY, "Ridge Relay", markup="2026")
    world.open_channel(MARKET, "Whispers of the Market", markup="2023")
    world.open_feed(FEED, "Hills Radio")
    past = ((GROUP, _GROUP_PAST, 7), (OFFICE, _OFFICE_PAST, 9), (DESK, _DESK_PAST, 6), (RELAY, _RELAY_PAST, 8))
    for handle, texts, spacing in (*past, (MARKET, _MARKET_PAST, 11)):
        for number, text in enumerate(texts):
            world.publish(handle, text, at=_ago(world, HOUR * spacing * (len(texts) - number)))
    _add_colour(world)
    world.write(FEED, "Bridge at Namhu closed to lorries", "The ferry runs every hour.", at=_ago(world, 30 * HOUR))
    world.write(FEED, "Rain in the hills", "Heavy rain is expected until Sunday.", at=_ago(world, 5 * HOUR))


def _ago(world: World, span: int) -> int:
    return (world.clock.now() - span) // SECOND * SECOND


def _add_colour(world: World) -> None:
    """Posts of every other kind: a document, an album, a poll, a reply, a signed post with a link, a hidden origin."""
    statement = WorldFile("document", None, "statement-13.pdf", "182.4 KB")
    world.publish(GROUP, "Statement 13 as a document", at=_ago(world, 5 * HOUR), attachments=[statement])
    photos = [WorldFile("photo", f"ridge-{number}.png") for number in (1, 2, 3)]
    world.publish(GROUP, "The ridge this week #hills", at=_ago(world, 4 * HOUR), attachments=photos)
    anthem = WorldFile("audio", None, "March of the Engineers", "Garrison Band")
    world.publish(OFFICE, "Music for the evening", at=_ago(world, 6 * HOUR), attachments=[anthem])
    world.publish(OFFICE, "As a reader writes:", at=_ago(world, 3 * HOUR), forward=Forward("A loyal citizen"))
    poll = Poll("Where do you get your news?", ("From this desk", "From the market", "I know it before"))
    asked = world.publish(DESK, at=_ago(world, 5 * HOUR), poll=poll)
    world.publish(DESK, "Thank you for 900 answers.", at=_ago(world, 3 * HOUR), reply_to=asked)
    link = "https://example.org/hills/map?layer=roads&lang=en"
    preview = Preview(link, "example.org", "Map of the hills", "Roads, bridges and ferries")
    text = f"Our map of open roads: {link} by @{DESK}"
    world.publish(DESK, text, at=_ago(world, 15 * MINUTE), author="Nang K.", preview=preview)


def beats() -> tuple[Beat, ...]:
    """What happens while the demo runs, in order; everything is over after 25 seconds."""
    after_past = {GROUP: len(_GROUP_PAST) + 6, OFFICE: len(_OFFICE_PAST) + 4}  # service message, past, colour, album
    claim, prisoners, admission = after_past[GROUP], after_past[GROUP] + 1, after_past[OFFICE] + 1
    whisper = len(_MARKET_PAST) + 2
    picture = WorldFile("photo", "statement-14.png")
    note = WorldFile("voice", "spokesman.ogg", duration="0:04")
    return (
        Beat(2, "the group claims the capture", lambda world: world.publish(GROUP, _CLAIM, attachments=[picture])),
        Beat(4, "the group counts prisoners", lambda world: world.publish(GROUP, _PRISONERS)),
        Beat(5, "a relay copies the claim", lambda world: world.publish(RELAY, _RELAYED)),
        Beat(6, "the market copies the claim", lambda world: world.publish(MARKET, _WHISPERED)),
        Beat(7, "the spokesman speaks", lambda world: world.publish(OFFICE, _VOICE, attachments=[note])),
        Beat(8, "the desk forwards the claim", lambda world: world.forward(DESK, GROUP, claim)),
        Beat(9, "the spokesman admits it", lambda world: world.publish(OFFICE, _ADMISSION)),
        Beat(11, "the radio reports", lambda world: world.write(FEED, "Silence over Taungkyar", _NEWS)),
        Beat(11, "the market deletes its copy", lambda world: world.delete(MARKET, whisper)),
        Beat(12, "the group deletes the prisoners", lambda world: world.delete(GROUP, prisoners)),
        Beat(14, "the desk writes in Burmese", lambda world: world.publish(DESK, _DESK_BURMESE)),
        Beat(16, "the spokesman takes it back", lambda world: world.edit(OFFICE, admission, _SOFTENED)),
        Beat(19, "the group writes in Burmese", lambda world: world.publish(GROUP, _GROUP_BURMESE)),
        Beat(22, "the desk counts trucks", lambda world: world.publish(DESK, _DESK_CONVOY, author="Nang K.")),
    )


async def play(world: World, story: Sequence[Beat], *, pace: float = 1.0) -> None:
    """Make each beat happen at its time; with `pace` 2 twice as fast."""
    start = world.clock.monotonic()
    for beat in story:
        await asyncio.sleep(max(0.0, beat.at / pace - (world.clock.monotonic() - start)))
        beat.act(world)
