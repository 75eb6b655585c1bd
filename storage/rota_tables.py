"""The tables of the rota: a step of `migrations`. They hold ids and times; nothing in them is about a student."""

from __future__ import annotations

ROTA = (
    """CREATE TABLE shift (
        id {pk},
        kind TEXT NOT NULL,                     -- supporter, duty_lead
        starts_at {big} NOT NULL,
        ends_at {big} NOT NULL,
        staff_id {big} REFERENCES staff (id),   -- null: open
        changed_at {big} NOT NULL,
        CHECK (starts_at < ends_at)
    ) {strict}""",
    "CREATE INDEX shift_ends ON shift (ends_at)",
    "CREATE INDEX shift_staff ON shift (staff_id, ends_at) WHERE staff_id IS NOT NULL",
    """CREATE TABLE swap (
        id {pk},
        shift_id {big} NOT NULL REFERENCES shift (id),
        asked_by {big} NOT NULL,
        asked_of {big},                         -- null: whoever wants it
        in_return {big},                        -- a shift of theirs; null: nothing
        state TEXT NOT NULL,                    -- open, accepted, declined, withdrawn
        asked_at {big} NOT NULL,
        answered_by {big},
        answered_at {big}
    ) {strict}""",
    "CREATE UNIQUE INDEX swap_open ON swap (shift_id) WHERE state = 'open'",
    "CREATE INDEX swap_shift ON swap (shift_id, id)",
    """CREATE TABLE rota_notice (
        id {pk},
        staff_id {big} NOT NULL REFERENCES staff (id),
        kind TEXT NOT NULL,                     -- asked, answered, changed
        made_at {big} NOT NULL
    ) {strict}""",
    """CREATE TABLE calendar (
        staff_id {big} NOT NULL REFERENCES staff (id),
        scope TEXT NOT NULL,                    -- own, all
        token_hash {blob} NOT NULL UNIQUE,
        made_at {big} NOT NULL,
        PRIMARY KEY (staff_id, scope)
    ) {strict}""",
)
