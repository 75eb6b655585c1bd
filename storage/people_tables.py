"""The tables of accounts: second factor, invitations, profiles, sessions. A step of `migrations`."""

from __future__ import annotations

PEOPLE = (
    "ALTER TABLE staff ADD COLUMN profile {blob}",  # JSON: languages, campus, gender, notices, quiet hours
    # Whoever answered students before there was this column goes on doing so; new accounts say which.
    "ALTER TABLE staff ADD COLUMN trained TEXT NOT NULL DEFAULT 'full'",
    # Sessions from before the second factor end: everybody signs in once more.
    "DELETE FROM session",
    "ALTER TABLE session ADD COLUMN uid {blob}",
    "ALTER TABLE session ADD COLUMN device {blob}",  # such as "Firefox/Android"
    """CREATE TABLE second_factor (
        staff_id {big} NOT NULL PRIMARY KEY REFERENCES staff (id),
        uid {blob} NOT NULL,
        secret {blob} NOT NULL,
        last_step {big} NOT NULL                -- of the newest code that was taken; that one and older ones are spent
    ) {strict}""",
    """CREATE TABLE recovery_code (
        id {pk},
        staff_id {big} NOT NULL REFERENCES staff (id),
        code_hash {blob} NOT NULL,
        used_at {big}
    ) {strict}""",
    "CREATE INDEX recovery_code_staff ON recovery_code (staff_id)",
    """CREATE TABLE invitation (
        token_hash {blob} NOT NULL PRIMARY KEY,
        staff_id {big} NOT NULL REFERENCES staff (id),
        purpose TEXT NOT NULL,                  -- welcome: a new account; password: another password
        made_at {big} NOT NULL,
        expires_at {big} NOT NULL,
        used_at {big}
    ) {strict}""",
    "CREATE INDEX invitation_staff ON invitation (staff_id)",
)
