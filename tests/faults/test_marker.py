"""A word planted in messages, names and notes is found nowhere: not in the data folder, not in a log."""

from __future__ import annotations

import logging
from io import StringIO

from bot.events import EchoReceived
from handlers.logs import setup_logging

MARK = "Xyzzy-planted-æøå-4711"


def test_marker_is_found_nowhere_on_disk_or_in_logs(chat, database_folder):
    stream = StringIO()
    before = logging.getLogger().handlers[:], logging.getLogger().level
    setup_logging("DEBUG", stream)
    try:
        staff = chat.on_duty(MARK)
        chat.contact_writes(f"hei, {MARK}", MARK).contact_writes("prate", MARK)
        chat.claim(staff, MARK).supporter_writes(staff, f"svar {MARK}", MARK)
        chat.local.deeds.note(chat.id_of(MARK), staff, MARK)
        chat.local.storage.write(lambda tx: tx.drafts.save(chat.id_of(MARK), staff.id, MARK, chat.now))
        chat.local.happens(MARK, EchoReceived(sent_at=chat.now, mid=MARK, app="inbox", text=MARK))
        chat.contact_writes(f"jeg vil ta livet mitt {MARK}", MARK)
        chat.contact_sends("image", who=MARK, text=MARK)
        provoke_failure(chat)
    finally:
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)
    found = [
        path.name for path in database_folder.rglob("*") if path.is_file() and holds_mark(path.read_bytes())
    ]
    assert found == [] and any(database_folder.rglob("*"))
    assert MARK not in stream.getvalue() and "4711" not in stream.getvalue()


def provoke_failure(chat):
    """An error whose own text holds the mark must not carry it into the log."""
    from bot.events import TextReceived

    def broken(*_):
        raise ValueError(MARK)

    intact = chat.local.inbound._content
    chat.local.inbound._content = broken
    chat.local.happens(MARK, TextReceived(sent_at=chat.now, mid="m-broken", text=MARK))
    chat.wait(minutes=1)
    chat.local.inbound._content = intact


def holds_mark(data: bytes) -> bool:
    return (
        any(MARK.encode(code) in data for code in ("utf-8", "utf-16-le", "latin-1")) or b"zy-planted" in data
    )
