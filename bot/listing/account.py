"""The Telegram account in a sentence."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.sources.telegram import AccountRow


def explain_account(account: "AccountRow") -> str:
    """What follows the state of the account: the reason, and what a person can do."""
    reason = f": {account.reason}" if account.reason else ""
    return reason + (f"; {account.remedy}" if account.remedy else "")
