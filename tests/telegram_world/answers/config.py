"""help.* and users.*: the configuration with its data centres, the nearest one, and who one is."""

from datetime import timedelta
from typing import Any

from telethon.tl import types

from tests.telegram_world import wire
from tests.telegram_world.accounts import as_user
from tests.telegram_world.answers.visit import Reply, Visit, plain
from tests.telegram_world.faults import Refusal

OPEN = frozenset({"help.getConfig", "help.getNearestDc", "help.getAppConfig"})
_LIMITS = (  # of no meaning here, but none may be missing
    "chat_size_max",
    "megagroup_size_max",
    "forwarded_count_max",
    "online_update_period_ms",
    "offline_blur_timeout_ms",
    "offline_idle_timeout_ms",
    "online_cloud_timeout_ms",
    "notify_cloud_delay_ms",
    "notify_default_delay_ms",
    "push_chat_period_ms",
    "push_chat_limit",
    "edit_time_limit",
    "revoke_time_limit",
    "revoke_pm_time_limit",
    "rating_e_decay",
    "stickers_recent_limit",
    "channels_read_media_period",
    "call_receive_timeout_ms",
    "call_ring_timeout_ms",
    "call_connect_timeout_ms",
    "call_packet_timeout_ms",
    "caption_length_max",
)


def get_config(visit: Visit, _: Any) -> Reply:
    """Telethon keeps the first answer for all clients of one class: two worlds need two subclasses of TelegramClient."""
    options = [types.DcOption(dc, "127.0.0.1", port) for dc, port in visit.world.ports.items()]
    return plain(
        types.Config(
            date=visit.date(),
            expires=visit.date() + timedelta(hours=1),
            test_mode=False,
            this_dc=visit.dc,
            dc_options=options,
            dc_txt_domain_name="",
            me_url_prefix="https://t.me/",
            message_length_max=4096,
            webfile_dc_id=visit.dc,
            **dict.fromkeys(_LIMITS, 1_000),
        )
    )


def get_nearest_dc(visit: Visit, _: Any) -> Reply:
    return plain(types.NearestDc("NL", visit.dc, visit.world.dcs[0]))


def get_app_config(_: Visit, __: Any) -> Reply:
    return plain(types.help.AppConfig(1, types.JsonObject([])))


def get_users(visit: Visit, request: Any) -> Reply:
    """Only oneself: others have no face in this world."""
    if not all(isinstance(one, types.InputUserSelf) for one in request.id):
        raise Refusal(400, "USER_ID_INVALID")
    return plain(wire.vector(*(as_user(visit.account) for _ in request.id)))


ANSWERS = {
    "help.getConfig": get_config,
    "help.getNearestDc": get_nearest_dc,
    "help.getAppConfig": get_app_config,
    "users.getUsers": get_users,
}
