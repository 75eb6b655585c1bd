"""Deleting a contact: a receipt first, then the key is destroyed. Who may be in danger is seen to before."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from bot.draft import Draft
from bot.effects import CancelTimers, EraseContact, SetTimer
from bot.messages import Purpose


def erase(draft: Draft, *, quietly: bool = False) -> None:
    """Say goodbye with a receipt; the key is destroyed when it has gone out, or after five minutes.

    `quietly`: no receipt, because it may not be safe to write.
    """
    code = _receipt_code(draft)
    if quietly:
        draft.do(EraseContact(code=code))
        return
    draft.say(Purpose.GOODBYE, "erase.done", code=code)
    draft.change(erasing=code, erase_on_close=False, asked=None, asked_at=None, flow=None)
    draft.do(CancelTimers(names=None), SetTimer(name="erase", due_at=draft.now + timedelta(minutes=5)))


def erased(draft: Draft) -> None:
    """The receipt is out, or its time is up: destroy the key. Who has come back is seen to first."""
    if draft.conv.erasing is None:
        return
    if draft.conv.has_people:
        draft.change(erasing=None, erase_on_close=True)
    else:
        draft.do(EraseContact(code=draft.conv.erasing))


def _receipt_code(draft: Draft) -> str:
    """Ten letters and digits, the same for the same turn; says nothing about who it was."""
    seed = f"{draft.conv.contact_id}:{draft.conv.alias}:{draft.now.isoformat()}"
    digest = hashlib.blake2b(seed.encode(), digest_size=10).digest()
    return "".join("ABCDEFGHJKLMNPQRSTUVWXYZ23456789"[byte % 32] for byte in digest)
