"""The tables of the ladder and of the escalation records: steps of `migrations`."""

from __future__ import annotations

# The ladder: what it has told whom, and the records of serious cases.
LADDER = (
    "ALTER TABLE alert ADD COLUMN armed_at {big}",
    "UPDATE alert SET armed_at = raised_at",
    "ALTER TABLE alert ADD COLUMN climb {big} NOT NULL DEFAULT 1",  # counts arming and resuming
    "ALTER TABLE alert ADD COLUMN alerted_at {big}",  # since it was armed: a channel took it, the student was told
    "ALTER TABLE alert ADD COLUMN resumed_at {big}",
    "ALTER TABLE alert ADD COLUMN call_for_them {big} NOT NULL DEFAULT 0",
    "ALTER TABLE alert ADD COLUMN drill {big} NOT NULL DEFAULT 0",
    "ALTER TABLE alert ADD COLUMN verdict TEXT",
    "ALTER TABLE alert ADD COLUMN verdict_by {big}",
    "ALTER TABLE alert ADD COLUMN verdict_at {big}",
    "ALTER TABLE alert ADD COLUMN needs_confirm {big} NOT NULL DEFAULT 0",
    "ALTER TABLE alert ADD COLUMN confirmed_by {big}",
    "ALTER TABLE alert ADD COLUMN confirmed_at {big}",
    "ALTER TABLE alert ADD COLUMN overdue_at {big}",  # nobody confirmed it in time, and that was said
    "CREATE INDEX alert_unconfirmed ON alert (closed_at) WHERE needs_confirm = 1 AND confirmed_at IS NULL",
    "CREATE INDEX alert_raised ON alert (raised_at)",
    "ALTER TABLE contact ADD COLUMN drill {big} NOT NULL DEFAULT 0",  # invented; there is no PSID to send to
    "CREATE INDEX contact_drill ON contact (id) WHERE drill = 1",
    "ALTER TABLE staff ADD COLUMN paused_at {big}",  # takes nobody new until they say that they are ready
    "ALTER TABLE staff ADD COLUMN email {blob}",
    "ALTER TABLE staff ADD COLUMN phone {blob}",
    """CREATE TABLE rung (
        id {pk},
        alert_id {big} NOT NULL REFERENCES alert (id),
        armed {big} NOT NULL,
        climb {big} NOT NULL,
        step {big} NOT NULL,                    -- counts within the climb
        part TEXT NOT NULL,                     -- open or closed
        rung {big} NOT NULL,                    -- its place in that list
        tell TEXT NOT NULL,
        at {big} NOT NULL,
        UNIQUE (alert_id, climb, step)
    ) {strict}""",
    """CREATE TABLE telling (
        id {pk},
        uid {blob} NOT NULL,                    -- the idempotency key
        alert_id {big} NOT NULL REFERENCES alert (id),
        rung_id {big} REFERENCES rung (id),     -- null: not of the ladder
        purpose TEXT NOT NULL,                  -- ladder, identity
        who TEXT NOT NULL,                      -- the id of an account, a named contact, or a pager
        channel TEXT NOT NULL,
        state TEXT NOT NULL,
        state_at {big} NOT NULL,
        next_try_at {big} NOT NULL,
        tries {big} NOT NULL DEFAULT 0,
        claimed_at {big},
        worker TEXT,
        code TEXT
    ) {strict}""",
    "CREATE UNIQUE INDEX telling_once ON telling (rung_id, channel, who) WHERE rung_id IS NOT NULL",
    "CREATE INDEX telling_due ON telling (next_try_at) WHERE state IN ('waiting', 'unknown')",
    "CREATE INDEX telling_sending ON telling (claimed_at) WHERE state = 'sending'",
    "CREATE INDEX telling_alert ON telling (alert_id, id)",
    """CREATE TABLE push (
        id {pk},
        uid {blob} NOT NULL,
        staff_id {big} NOT NULL REFERENCES staff (id),
        endpoint_hash {blob} NOT NULL UNIQUE,
        body {blob} NOT NULL,
        created_at {big} NOT NULL
    ) {strict}""",
    "CREATE INDEX push_staff ON push (staff_id)",
    """CREATE TABLE escalation (
        id {pk},
        uid {blob} NOT NULL,
        alert_id {big} NOT NULL UNIQUE REFERENCES alert (id),
        contact_id {big} NOT NULL,
        key_wrapped {blob} NOT NULL,            -- a key of its own, which outlives that of the contact
        key_id TEXT NOT NULL,                   -- the data key that wraps it
        opened_at {big} NOT NULL,
        last_at {big} NOT NULL,
        debrief_at {big}                        -- somebody was offered a talk about it
    ) {strict}""",
    """CREATE TABLE escalation_entry (
        id {pk},
        escalation_id {big} NOT NULL REFERENCES escalation (id),
        uid {blob} NOT NULL,
        at {big} NOT NULL,
        by_id {big},
        kind TEXT NOT NULL,
        body {blob} NOT NULL,
        hash {blob} NOT NULL                    -- of the hash before it, this row and its ciphertext
    ) {strict}""",
    "CREATE INDEX escalation_entry_of ON escalation_entry (escalation_id, id)",
    """CREATE TABLE escalation_head (
        id {big} NOT NULL PRIMARY KEY CHECK (id = 1),
        count {big} NOT NULL,                   -- of all entries there have ever been
        hash {blob} NOT NULL,
        signature {blob} NOT NULL
    ) {strict}""",
    """CREATE TABLE escalation_checkpoint (
        id {pk},
        last_entry_id {big} NOT NULL,           -- up to here entries were pruned
        count {big} NOT NULL,
        hash {blob} NOT NULL,                   -- of the last of them; the chain goes on from it
        pruned_at {big} NOT NULL,
        signature {blob} NOT NULL
    ) {strict}""",
    """CREATE TABLE identity_opening (
        id {pk},
        escalation_id {big} NOT NULL REFERENCES escalation (id),
        alert_id {big} NOT NULL,
        opened_by {big} NOT NULL,
        opened_at {big} NOT NULL,
        review_by {big} NOT NULL,               -- a time
        reviewed_by {big},
        reviewed_at {big},
        verdict TEXT,                           -- right, wrong, unclear
        overdue_at {big}
    ) {strict}""",
    "CREATE INDEX identity_unreviewed ON identity_opening (review_by) WHERE reviewed_at IS NULL",
)

# What a line's hash covers was widened: each line says by which version it was made. The end of the chain has to be
# there from now on, so that nobody can take it away together with everything before it; it is signed by the program
# (`Escalations.begin`), because a statement knows no key.
RECORDS = (
    "ALTER TABLE escalation_entry ADD COLUMN version {big} NOT NULL DEFAULT 1",
    "ALTER TABLE escalation_checkpoint ADD COLUMN before_at {big} NOT NULL DEFAULT 0",  # what had ended by then went
    "ALTER TABLE escalation_head ADD COLUMN since_alert {big}",  # every later alert has a record; null: not signed yet
    "INSERT INTO escalation_head (id, count, hash, signature)"
    " VALUES (1, 0, CAST('' AS {blob}), CAST('' AS {blob})) ON CONFLICT (id) DO NOTHING",
)
