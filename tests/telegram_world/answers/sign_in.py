"""auth.* and account.*: login by code, by password and by QR, login at another data centre, and logging out."""

import os
from datetime import timedelta
from typing import Any

from telethon.tl import types

from tests.telegram_world.accounts import Account, Key, LoginToken, as_user, only_digits
from tests.telegram_world.answers.visit import Reply, Visit, plain
from tests.telegram_world.faults import Refusal
from tests.telegram_world.wire import Written

OPEN = frozenset(
    {
        "account.getPassword",
        "auth.cancelCode",
        "auth.checkPassword",
        "auth.exportLoginToken",
        "auth.importAuthorization",
        "auth.importLoginToken",
        "auth.logOut",
        "auth.resendCode",
        "auth.sendCode",
        "auth.signIn",
    }
)
_TOKEN_SECONDS = 30


def send_code(visit: Visit, request: Any) -> Reply:
    """An unknown number gets a code too; only signing in tells that nobody has it."""
    phone = only_digits(request.phone_number)
    if visit.world.manners.strict_phone and phone != request.phone_number:
        raise Refusal(406, "PHONE_NUMBER_INVALID")
    if not 7 <= len(phone) <= 15:
        raise Refusal(400, "PHONE_NUMBER_INVALID")
    accounts = visit.world.accounts
    if accounts.has(phone) and (home := accounts.account(phone).dc) != visit.dc:
        raise Refusal(303, f"PHONE_MIGRATE_{home}")
    if accounts.has(phone) and accounts.account(phone).refusal:
        raise Refusal(400, "PHONE_NUMBER_BANNED")
    digits = len(accounts.account(phone).code) if accounts.has(phone) else 5
    return plain(types.auth.SentCode(types.auth.SentCodeTypeApp(digits), accounts.new_code_hash(phone)))


def resend_code(visit: Visit, request: Any) -> Reply:
    if visit.world.accounts.code_hashes.pop(request.phone_code_hash, None) != only_digits(request.phone_number):
        raise Refusal(400, "PHONE_CODE_EXPIRED")
    return send_code(visit, request)


def cancel_code(visit: Visit, request: Any) -> Reply:
    visit.world.accounts.code_hashes.pop(request.phone_code_hash, None)
    return plain(types.BoolTrue())


def sign_in(visit: Visit, request: Any) -> Reply:
    accounts, phone = visit.world.accounts, only_digits(request.phone_number)
    if accounts.code_hashes.get(request.phone_code_hash) != phone:
        raise Refusal(400, "PHONE_CODE_EXPIRED")
    if not request.phone_code:
        raise Refusal(400, "PHONE_CODE_EMPTY")
    if not accounts.has(phone):
        return plain(types.auth.AuthorizationSignUpRequired())
    account = accounts.account(phone)
    if request.phone_code != account.code:
        raise Refusal(400, "PHONE_CODE_INVALID")
    del accounts.code_hashes[request.phone_code_hash]
    return _enter(visit, account)


def get_password(visit: Visit, _: Any) -> Reply:
    account = visit.key.awaits_password or visit.key.account
    if account is None:
        raise Refusal(401, "AUTH_KEY_UNREGISTERED")
    if account.password is None:
        unknown = types.PasswordKdfAlgoUnknown(), types.SecurePasswordKdfAlgoUnknown()
        return plain(types.account.Password(*unknown, secure_random=os.urandom(32)))
    return plain(account.password.ask())


def check_password(visit: Visit, request: Any) -> Reply:
    account = visit.key.awaits_password
    if account is None or account.password is None:
        raise Refusal(401, "AUTH_KEY_UNREGISTERED")
    if not isinstance(request.password, types.InputCheckPasswordSRP):
        raise Refusal(400, "PASSWORD_HASH_INVALID")
    try:
        fits = account.password.fits(request.password.srp_id, request.password.A, request.password.M1)
    except KeyError:
        raise Refusal(400, "SRP_ID_INVALID") from None
    if not fits:
        raise Refusal(400, "PASSWORD_HASH_INVALID")
    return _enter(visit, account, password=True)


def export_login_token(visit: Visit, _: Any) -> Reply:
    """The QR code to show; asked again after it was accepted, the login itself."""
    accounts, now = visit.world.accounts, visit.world.clock.monotonic()
    accounts.tokens = {token: login for token, login in accounts.tokens.items() if login.until > now or login.account}
    for token, login in accounts.tokens.items():
        if login.key is visit.key and login.account is not None:
            if login.account.dc != visit.dc:
                return plain(types.auth.LoginTokenMigrateTo(login.account.dc, token))
            del accounts.tokens[token]
            return _by_token(visit, login.account)
    made = os.urandom(32)
    accounts.tokens[made] = LoginToken(visit.key, now + _TOKEN_SECONDS)
    return plain(types.auth.LoginToken(visit.date() + timedelta(seconds=_TOKEN_SECONDS), made))


def import_login_token(visit: Visit, request: Any) -> Reply:
    """The other half of a login that had to go to another data centre."""
    login = visit.world.accounts.tokens.get(request.token)
    if login is None or login.account is None:
        raise Refusal(400, "AUTH_TOKEN_EXPIRED" if login is None else "AUTH_TOKEN_INVALID")
    del visit.world.accounts.tokens[request.token]
    return _by_token(visit, login.account)


def accept_login_token(visit: Visit, request: Any) -> Reply:
    """A session that is logged in scans the QR code of another."""
    visit.world.accounts.scan(request.token, visit.account)
    unknown = {"device_model": "", "platform": "", "system_version": "", "app_name": "", "app_version": ""}
    places = {"ip": "127.0.0.1", "country": "", "region": ""}
    when = {"date_created": visit.date(), "date_active": visit.date()}
    return plain(types.Authorization(hash=1, api_id=1, **unknown, **places, **when))


def export_authorization(visit: Visit, request: Any) -> Reply:
    """A ticket with which the same account may enter another data centre, for its files."""
    if request.dc_id == visit.dc or request.dc_id not in visit.world.dcs:
        raise Refusal(400, "DC_ID_INVALID")
    ticket = os.urandom(32)
    visit.world.accounts.exports[ticket] = visit.account
    return plain(types.auth.ExportedAuthorization(visit.account.id, ticket))


def import_authorization(visit: Visit, request: Any) -> Reply:
    account = visit.world.accounts.exports.pop(request.bytes, None)
    if account is None or account.id != request.id:
        raise Refusal(400, "AUTH_BYTES_INVALID")
    return _enter(visit, account, password=True)


def log_out(visit: Visit, _: Any) -> Reply:
    visit.key.account = visit.key.awaits_password = None
    return plain(types.auth.LoggedOut())


def _by_token(visit: Visit, account: Account) -> Reply:
    entered = _enter(visit, account)
    return plain(types.auth.LoginTokenSuccess(Written(entered.body)))


def _enter(visit: Visit, account: Account, *, password: bool = False) -> Reply:
    """Log a key in. Raises Refusal(401, "SESSION_PASSWORD_NEEDED") if a password stands before it."""
    if account.refusal is not None:
        raise account.refusal
    key: Key = visit.key
    if account.password is not None and not password:
        key.awaits_password = account
        raise Refusal(401, "SESSION_PASSWORD_NEEDED")
    key.account, key.awaits_password, key.refusal = account, None, None
    if visit.dc == account.dc:
        visit.world.accounts.entered(account)
    return plain(types.auth.Authorization(as_user(account)))


ANSWERS = {
    "account.getPassword": get_password,
    "auth.acceptLoginToken": accept_login_token,
    "auth.cancelCode": cancel_code,
    "auth.checkPassword": check_password,
    "auth.exportAuthorization": export_authorization,
    "auth.exportLoginToken": export_login_token,
    "auth.importAuthorization": import_authorization,
    "auth.importLoginToken": import_login_token,
    "auth.logOut": log_out,
    "auth.resendCode": resend_code,
    "auth.sendCode": send_code,
    "auth.signIn": sign_in,
}
