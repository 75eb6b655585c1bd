"""The tables of work that goes from hand to hand: a step of `migrations`."""

from __future__ import annotations

WORK = (
    "ALTER TABLE conversation ADD COLUMN offered_to {big}",  # a colleague is asked to take it
    "ALTER TABLE conversation ADD COLUMN offered_at {big}",
    # When people were last pushed about it: each new message counts once, and so does coming back into the queue.
    "ALTER TABLE conversation ADD COLUMN knocked_at {big}",
    "CREATE INDEX conversation_offered ON conversation (offered_at) WHERE offered_to IS NOT NULL",
    """CREATE TABLE matter (
        id {pk},
        uid {blob} NOT NULL,
        kind TEXT NOT NULL,                     -- matters.Kind
        contact_id {big} REFERENCES contact (id),
        by_id {big},                            -- whose doing it is; null: the service
        for_id {big},                           -- whom it is for; null: those who lead
        opened_at {big} NOT NULL,
        words {blob},                           -- what was written about it
        closed_at {big},
        closed_by {big},
        closing {blob}                          -- what was written when it was closed
    ) {strict}""",
    "CREATE INDEX matter_open ON matter (for_id, opened_at) WHERE closed_at IS NULL",
    "CREATE INDEX matter_closed ON matter (closed_at) WHERE closed_at IS NOT NULL",
    """CREATE TABLE watch (
        contact_id {big} NOT NULL REFERENCES contact (id),
        staff_id {big} NOT NULL REFERENCES staff (id),
        since {big} NOT NULL,
        seen_at {big} NOT NULL,
        PRIMARY KEY (contact_id, staff_id)
    ) {strict}""",
)
