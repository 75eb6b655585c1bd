"""Tables of talks between people: mentions, "..." to the student, how a talk ended. A step of `migrations`."""

from __future__ import annotations

TALK = (
    # What the person who closed it said it was about, and which services they named. Sealed with the contact's key.
    "ALTER TABLE handoff ADD COLUMN about_uid {blob}",
    "ALTER TABLE handoff ADD COLUMN about {blob}",
    """CREATE TABLE mention (
        id {pk},
        contact_id {big} NOT NULL REFERENCES contact (id),
        entry_id {big} NOT NULL,
        staff_id {big} NOT NULL REFERENCES staff (id),
        by_id {big} NOT NULL,
        at {big} NOT NULL,
        seen_at {big},                          -- its owner has had the conversation on the screen
        told_at {big}                           -- taken by whoever tells people outside the console
    ) {strict}""",
    "CREATE INDEX mention_unseen ON mention (staff_id, contact_id) WHERE seen_at IS NULL",
    "CREATE INDEX mention_untold ON mention (at) WHERE told_at IS NULL",
    "CREATE INDEX mention_contact ON mention (contact_id)",
    # A supporter is typing, and the student may be shown so. Lives for seconds.
    """CREATE TABLE typing (
        contact_id {big} NOT NULL PRIMARY KEY REFERENCES contact (id),
        at {big} NOT NULL,                      -- the latest keystroke that was passed on
        shown {big} NOT NULL DEFAULT 0          -- 1: the channel has been asked
    ) {strict}""",
    "CREATE INDEX typing_wanted ON typing (at) WHERE shown = 0",
)
