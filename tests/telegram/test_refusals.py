"""Every way in which Telegram refuses, as a state that people see and a remedy: tables T9 to T11 and T16 to T19."""

import pytest
from telethon import errors
from telethon.errors import rpc_message_to_error, rpcerrorlist
from telethon.tl import functions
from telethon.tl.types import RpcError

from bot.clock import DAY, SECOND
from bot.errors import Later, Never
from bot.telegram.refusals import AccountDead, StaleReference, translate_error

NOW = 1_763_800_000_000_000


def refused(code: int, name: str) -> Later | Never:
    error = rpc_message_to_error(RpcError(code, name), functions.updates.GetStateRequest())
    return translate_error(error, "messages.getHistory", NOW)


@pytest.mark.parametrize(
    ("code", "name", "state"),
    [
        (406, "AUTH_KEY_DUPLICATED", "session duplicated"),
        (401, "AUTH_KEY_UNREGISTERED", "session ended"),
        (401, "AUTH_KEY_INVALID", "session ended"),
        (401, "AUTH_KEY_PERM_EMPTY", "session ended"),
        (401, "SESSION_REVOKED", "session revoked"),
        (401, "SESSION_EXPIRED", "session expired"),
        (401, "USER_DEACTIVATED", "account deleted"),
        (401, "USER_DEACTIVATED_BAN", "account banned"),
        (401, "SOMETHING_NEW", "session ended"),
        (406, "AUTH_KEY_SOMETHING", "session ended"),
        (420, "FROZEN_METHOD_INVALID", "account frozen"),
        (400, "FROZEN_PARTICIPANT_MISSING", "account frozen"),
        (401, "FROZEN_PARTICIPANT_MISSING", "account frozen"),
        (406, "UPDATE_APP_TO_LOGIN", "client refused"),
    ],
)
def test_the_end_of_an_account_is_told_with_its_cause_and_a_remedy(code: int, name: str, state: str) -> None:
    found = refused(code, name)
    assert isinstance(found, AccountDead)
    assert found.state == state
    assert found.remedy
    assert "\n" not in str(found)


def test_every_unauthorized_error_that_telethon_knows_ends_the_account_or_asks_for_the_password() -> None:
    known = rpcerrorlist.rpc_errors_dict
    named = [name for name, kind in known.items() if issubclass(kind, errors.UnauthorizedError)]
    assert len(named) > 5
    for name in named:
        found = refused(401, name)
        assert isinstance(found, Never)
        assert isinstance(found, AccountDead) or name == "SESSION_PASSWORD_NEEDED"


def test_a_forgotten_key_ends_the_account() -> None:
    assert isinstance(translate_error(errors.AuthKeyNotFound(), "connecting", NOW), AccountDead)


@pytest.mark.parametrize("name", ["TOPIC_CLOSED", "PREMIUM_CURRENTLY_UNAVAILABLE", "SOMETHING_NEW"])
def test_a_code_that_ended_keys_share_with_others_ends_no_account(name: str) -> None:
    found = refused(406, name)
    assert isinstance(found, Later)
    assert found.state == "refused"


def test_a_reference_that_is_to_be_fetched_anew_is_so_whatever_it_is_called() -> None:
    assert isinstance(refused(406, "FILEREF_UPGRADE_NEEDED"), StaleReference)
    assert isinstance(refused(400, "FILE_REFERENCE_EXPIRED"), StaleReference)


@pytest.mark.parametrize("name", ["FLOOD_WAIT_33", "FLOOD_PREMIUM_WAIT_33"])
def test_a_flood_wait_is_kept_to_the_second_after(name: str) -> None:
    found = refused(420, name)
    assert isinstance(found, Later)
    assert (found.obey, found.retry_at, found.state) == (True, NOW + 34 * SECOND, "rate-limited")


def test_a_flood_that_names_no_seconds_waits_too() -> None:
    found = refused(420, "SOMETHING_ODD")
    assert isinstance(found, Later)
    assert found.obey
    assert (found.retry_at or 0) > NOW


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("CHANNEL_PRIVATE", "private"),
        ("CHANNEL_INVALID", "deleted"),
        ("CHANNEL_BANNED", "banned"),
        ("USER_BANNED_IN_CHANNEL", "banned"),
        ("CHAT_RESTRICTED", "restricted"),
    ],
)
def test_a_channel_that_does_not_show_itself_is_a_state_and_is_asked_again_daily(name: str, state: str) -> None:
    found = refused(400, name)
    assert isinstance(found, Later)
    assert (found.state, found.retry_at) == (state, NOW + DAY)


@pytest.mark.parametrize(
    "name", ["USERNAME_NOT_OCCUPIED", "USERNAME_INVALID", "INVITE_HASH_EXPIRED", "CHANNELS_TOO_MUCH"]
)
def test_what_only_a_person_can_mend_says_how(name: str) -> None:
    found = refused(400, name)
    assert isinstance(found, Never)
    assert not isinstance(found, AccountDead)
    assert found.remedy


def test_words_of_a_newer_layer_are_schema_drift() -> None:
    found = translate_error(errors.TypeNotFoundError(0x1234, b""), "messages.getHistory", NOW)
    assert isinstance(found, Later)
    assert found.state == "client outdated"


@pytest.mark.parametrize("problem", [TimeoutError(), ConnectionError("lost"), EOFError(), BufferError("odd")])
def test_a_lost_connection_heals_by_itself_and_nobody_knows_what_arrived(problem: Exception) -> None:
    found = translate_error(problem, "messages.getHistory", NOW)
    assert isinstance(found, Later)
    assert found.unsure


@pytest.mark.parametrize("problem", [ValueError("odd"), RuntimeError(""), KeyError("x")])
def test_nothing_that_telethon_raises_gets_past(problem: Exception) -> None:
    found = translate_error(problem, "messages.getHistory", NOW)
    assert isinstance(found, Later)
    assert str(found)
