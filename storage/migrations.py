"""The tables, as numbered steps. A released step is never edited; a change is one more step at the end.

Readable columns hold ids, states, tiers, times, languages, categories, rule ids, purposes, codes and counts,
and keyed hashes (`*_hash`, `dedupe`). Everything a person wrote or chose is {blob} ciphertext.
"""

from __future__ import annotations

from storage import posts
from storage.engine import Step
from storage.ladder_tables import LADDER, RECORDS
from storage.people_tables import PEOPLE
from storage.published_tables import PUBLISHED
from storage.rota_tables import ROTA
from storage.talk_tables import TALK
from storage.work_tables import WORK

_CONTACTS = (
    """CREATE TABLE contact (
        id {pk},
        uid {blob} NOT NULL,
        psid_hash {blob},                       -- null: erased
        psid {blob},
        key_wrapped {blob},                     -- null: erased, and nothing of the contact can be read again
        key_id TEXT,                            -- the data key that wraps it
        created_at {big} NOT NULL,
        erased_at {big},
        last_entry_id {big} NOT NULL DEFAULT 0, -- kept here so that the queue never scans transcripts
        seen_entry_id {big} NOT NULL DEFAULT 0, -- newest entry that any member of staff has opened
        unread {big} NOT NULL DEFAULT 0         -- entries by the contact that the claiming supporter has not opened
    ) {strict}""",
    "CREATE UNIQUE INDEX contact_psid ON contact (psid_hash)",
    """CREATE TABLE erasure (
        code_hash {blob} NOT NULL PRIMARY KEY,
        at {big} NOT NULL
    ) {strict}""",
    """CREATE TABLE key_check (
        key_id TEXT NOT NULL PRIMARY KEY,       -- a data key's id, or "secret" in capitals for SECRET_KEY
        value {blob} NOT NULL,
        added_at {big} NOT NULL
    ) {strict}""",
)

_INBOX = (
    """CREATE TABLE inbox (
        id {pk},
        contact_id {big} REFERENCES contact (id),
        uid {blob} NOT NULL,
        dedupe {blob} NOT NULL UNIQUE,
        body {blob},                            -- null: handled
        sent_at {big} NOT NULL,
        received_at {big} NOT NULL,
        state TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done', 'aside')),
        try_at {big} NOT NULL,
        tries {big} NOT NULL DEFAULT 0,
        handled_at {big},
        reason TEXT
    ) {strict}""",
    "CREATE INDEX inbox_new ON inbox (id) WHERE state = 'new'",
    "CREATE INDEX inbox_lane ON inbox (contact_id, sent_at, id) WHERE state = 'new'",
    "CREATE INDEX inbox_done ON inbox (handled_at) WHERE state = 'done'",
    "CREATE INDEX inbox_aside ON inbox (received_at) WHERE state = 'aside'",
    "CREATE INDEX inbox_contact ON inbox (contact_id)",
)

_CONVERSATIONS = (
    """CREATE TABLE conversation (
        contact_id {big} NOT NULL PRIMARY KEY REFERENCES contact (id),
        uid {blob} NOT NULL,
        body {blob} NOT NULL,                   -- the whole conversation
        summary {blob} NOT NULL,                -- what a line in the queue shows
        alias_hash {blob} NOT NULL,
        status TEXT NOT NULL,
        tier TEXT NOT NULL,
        category TEXT,
        language TEXT,
        handoff_number {big},
        opened_at {big},
        claimed_by {big},
        claimed_at {big},
        last_inbound_at {big},
        closed_at {big},
        parked_at {big},
        updated_at {big} NOT NULL,
        paused {big} NOT NULL,
        elsewhere {big} NOT NULL,
        forgotten_at {big}                      -- retention has been here since the conversation closed
    ) {strict}""",
    "CREATE INDEX conversation_waiting ON conversation (opened_at) WHERE status = 'waiting'",
    "CREATE INDEX conversation_claimed ON conversation (claimed_by) WHERE status = 'claimed'",
    "CREATE INDEX conversation_alias ON conversation (alias_hash) WHERE status <> 'closed'",
    "CREATE INDEX conversation_closed ON conversation (closed_at)"
    " WHERE status = 'closed' AND forgotten_at IS NULL",
    """CREATE TABLE handoff (
        contact_id {big} NOT NULL REFERENCES contact (id),
        number {big} NOT NULL,
        opened_at {big} NOT NULL,
        tier TEXT NOT NULL,
        category TEXT,
        rules TEXT NOT NULL,                    -- JSON list of rule ids
        claimed_by {big},
        claimed_at {big},
        parked_at {big},
        answered_at {big},
        outcome TEXT,
        closed_by {big},
        closed_at {big},
        PRIMARY KEY (contact_id, number)
    ) {strict}""",
    "CREATE INDEX handoff_opened ON handoff (opened_at)",
    """CREATE TABLE draft (
        contact_id {big} NOT NULL REFERENCES contact (id),
        staff_id {big} NOT NULL,
        uid {blob} NOT NULL,
        body {blob} NOT NULL,
        updated_at {big} NOT NULL,
        PRIMARY KEY (contact_id, staff_id)
    ) {strict}""",
    """CREATE TABLE timer (
        contact_id {big} NOT NULL REFERENCES contact (id),
        name TEXT NOT NULL,
        due_at {big} NOT NULL,
        PRIMARY KEY (contact_id, name)
    ) {strict}""",
    "CREATE INDEX timer_due ON timer (due_at)",
)

_MESSAGES = (
    """CREATE TABLE outbox (
        id {pk},
        contact_id {big} NOT NULL REFERENCES contact (id),
        uid {blob} NOT NULL,
        purpose TEXT NOT NULL,
        place {big} NOT NULL,                   -- 0: an emergency card, 1: everything else
        state TEXT NOT NULL DEFAULT 'waiting',  -- records.Delivery
        state_at {big} NOT NULL,
        body {blob},                            -- null: sent, or taken back
        created_at {big} NOT NULL,
        next_try_at {big} NOT NULL,
        tries {big} NOT NULL DEFAULT 0,
        repeats {big} NOT NULL DEFAULT 0,       -- sent once more although its fate was unknown
        claimed_at {big},
        worker TEXT,
        code TEXT,
        settled {big} NOT NULL DEFAULT 0        -- of unknown fate for good: no longer holds up the contact
    ) {strict}""",
    "CREATE INDEX outbox_ready ON outbox (place, id) WHERE state = 'waiting'",
    "CREATE INDEX outbox_lane ON outbox (contact_id, place, id) WHERE state = 'waiting'",
    "CREATE INDEX outbox_sending ON outbox (contact_id) WHERE state = 'sending'",
    "CREATE INDEX outbox_unsettled ON outbox (contact_id, state_at) WHERE state = 'unknown' AND settled = 0",
    "CREATE INDEX outbox_unseen ON outbox (contact_id, claimed_at) WHERE state IN ('sent', 'delivered')",
    "CREATE INDEX outbox_body ON outbox (created_at) WHERE body IS NOT NULL",
    "CREATE INDEX outbox_contact ON outbox (contact_id)",
    """CREATE TABLE entry (
        id {pk},
        contact_id {big} NOT NULL REFERENCES contact (id),
        uid {blob} NOT NULL,
        at {big} NOT NULL,
        written_by TEXT NOT NULL,
        kind TEXT NOT NULL,
        body {blob},                            -- text and choices; null: withdrawn, or forgotten
        meta {blob} NOT NULL,                   -- who, detail, the mid it answers
        mid {blob},
        mid_hash {blob},
        reactions {blob},
        edits {big} NOT NULL DEFAULT 0,
        withdrawn {big} NOT NULL DEFAULT 0,
        outbox_id {big} REFERENCES outbox (id)
    ) {strict}""",
    "CREATE INDEX entry_contact ON entry (contact_id, id)",
    "CREATE INDEX entry_mid ON entry (mid_hash) WHERE mid_hash IS NOT NULL",
    "CREATE UNIQUE INDEX entry_outbox ON entry (outbox_id) WHERE outbox_id IS NOT NULL",
    "CREATE INDEX entry_text ON entry (at) WHERE body IS NOT NULL",
    "CREATE INDEX entry_text_of ON entry (contact_id, id) WHERE body IS NOT NULL",
)

_STAFF = (
    """CREATE TABLE alert (
        id {pk},
        contact_id {big} NOT NULL REFERENCES contact (id),
        uid {blob} NOT NULL,
        tier TEXT NOT NULL,
        category TEXT NOT NULL,
        rules TEXT NOT NULL,                    -- JSON list of rule ids
        matched {blob},
        raised_at {big} NOT NULL,
        armed {big} NOT NULL DEFAULT 1,         -- how many times people had to be told
        shown_at {big},
        acknowledged_by {big},
        acknowledged_alias {blob},
        acknowledged_at {big},
        closed_by {big},
        closed_at {big},
        card TEXT NOT NULL DEFAULT 'waiting'
    ) {strict}""",
    "CREATE UNIQUE INDEX alert_open ON alert (contact_id) WHERE closed_at IS NULL",
    "CREATE INDEX alert_closed ON alert (closed_at) WHERE matched IS NOT NULL",
    "CREATE INDEX alert_contact ON alert (contact_id)",
    """CREATE TABLE staff (
        id {pk},
        uid {blob} NOT NULL,
        login_hash {blob} NOT NULL UNIQUE,
        login {blob} NOT NULL,
        alias {blob} NOT NULL,
        password {blob} NOT NULL,
        role TEXT NOT NULL,
        duty TEXT NOT NULL DEFAULT 'off',
        duty_at {big},
        language TEXT NOT NULL DEFAULT 'nb',
        theme TEXT NOT NULL DEFAULT 'auto',
        created_at {big} NOT NULL,
        seen_at {big},
        disabled_at {big}
    ) {strict}""",
    """CREATE TABLE session (
        token_hash {blob} NOT NULL PRIMARY KEY,
        staff_id {big} NOT NULL REFERENCES staff (id),
        created_at {big} NOT NULL,
        last_seen_at {big} NOT NULL,
        idle_ms {big} NOT NULL,
        expires_at {big} NOT NULL
    ) {strict}""",
    "CREATE INDEX session_staff ON session (staff_id)",
    "CREATE INDEX session_expires ON session (expires_at)",
    """CREATE TABLE sign_in_failure (
        id {pk},
        key_hash {blob} NOT NULL,
        at {big} NOT NULL
    ) {strict}""",
    "CREATE INDEX sign_in_failure_key ON sign_in_failure (key_hash, at)",
    "CREATE INDEX sign_in_failure_at ON sign_in_failure (at)",
)

_SERVICE = (
    """CREATE TABLE audit (
        id {pk},
        at {big} NOT NULL,
        by_id {big},
        action TEXT NOT NULL,
        contact_id {big},
        detail TEXT,
        hash {blob} NOT NULL                    -- of the hash before it and this row
    ) {strict}""",
    """CREATE TABLE audit_head (
        id {big} NOT NULL PRIMARY KEY CHECK (id = 1),
        hash {blob} NOT NULL
    ) {strict}""",
    """CREATE TABLE incident (
        id {pk},
        kind TEXT NOT NULL,
        opened_at {big} NOT NULL,
        last_at {big} NOT NULL,
        count {big} NOT NULL DEFAULT 1,
        closed_at {big}
    ) {strict}""",
    "CREATE UNIQUE INDEX incident_open ON incident (kind) WHERE closed_at IS NULL",
    """CREATE TABLE job_run (
        job TEXT NOT NULL,
        slot TEXT NOT NULL,
        at {big} NOT NULL,
        PRIMARY KEY (job, slot)
    ) {strict}""",
    "CREATE INDEX job_run_at ON job_run (at)",
    """CREATE TABLE counter (
        name TEXT NOT NULL PRIMARY KEY,
        value {big} NOT NULL
    ) {strict}""",
    """CREATE TABLE worker (
        name TEXT NOT NULL PRIMARY KEY,
        beat_at {big} NOT NULL
    ) {strict}""",
    """CREATE TABLE change (
        id {big} NOT NULL PRIMARY KEY CHECK (id = 1),
        number {big} NOT NULL
    ) {strict}""",
    "INSERT INTO change (id, number) VALUES (1, 1)",
)

# A row that every commit counts up would let only one of them pass at a time where many may write at once.
# So each count is a sum over slots; an engine gives its writers different ones ({slot}).
_SLOTS = (
    """CREATE TABLE counter_slot (
        name TEXT NOT NULL,
        slot {big} NOT NULL,
        value {big} NOT NULL,
        PRIMARY KEY (name, slot)
    ) {strict}""",
    "INSERT INTO counter_slot (name, slot, value) SELECT name, 0, value FROM counter",
    "DROP TABLE counter",
    "ALTER TABLE counter_slot RENAME TO counter",
    """CREATE TABLE change_slot (
        slot {big} NOT NULL PRIMARY KEY,
        number {big} NOT NULL
    ) {strict}""",
    "INSERT INTO change_slot (slot, number) SELECT 0, number FROM change",
    "DROP TABLE change",
    "ALTER TABLE change_slot RENAME TO change",
)

_SHOWN_SERVICES = """CREATE TABLE shown_service (
        id TEXT NOT NULL PRIMARY KEY,
        first_at {big} NOT NULL
    ) {strict}"""

_CONTENT_IN_USE = """CREATE TABLE content_in_use (
        process TEXT NOT NULL PRIMARY KEY,
        version TEXT NOT NULL,                  -- of the files that it uses
        problem TEXT,                           -- where newer files cannot be used, without what stands there
        at {big} NOT NULL
    ) {strict}"""

_DEBRIEF = (
    """CREATE TABLE debrief (
        id {pk},
        alert_id {big} NOT NULL REFERENCES alert (id),
        staff_id {big} NOT NULL,                -- would like to talk about it
        asked_at {big} NOT NULL,
        done_by {big},
        done_at {big},
        UNIQUE (alert_id, staff_id)
    ) {strict}""",
    "CREATE INDEX debrief_open ON debrief (asked_at) WHERE done_at IS NULL",
)

# What is asked every few seconds, or for every page, must not grow with all that has ever been. An index that is in
# the order that is asked for is taken before the one of the whole table.
_YEARS_OF_PAST = (
    "DROP INDEX outbox_unsettled",
    "CREATE INDEX outbox_unsettled ON outbox (contact_id, id) WHERE state = 'unknown' AND settled = 0",
    "CREATE INDEX alert_over ON alert (closed_at) WHERE closed_at IS NOT NULL",
)

# How often each step and way of a set's flows was taken. No conversation, no time: a count points at nobody.
_FLOW_WAYS = """CREATE TABLE flow_way (
        set_number {big} NOT NULL,              -- 0: a service that publishes none
        flow TEXT NOT NULL,
        step TEXT NOT NULL,
        way TEXT NOT NULL,                      -- as bot.flow.edges names it
        slot {big} NOT NULL,
        taken {big} NOT NULL,
        PRIMARY KEY (set_number, flow, step, way, slot)
    ) {strict}"""

STEPS: tuple[Step, ...] = (
    Step("0001_tables", _CONTACTS + _INBOX + _CONVERSATIONS + _MESSAGES + _STAFF + _SERVICE),
    Step("0002_counts_in_slots", _SLOTS),
    # Which event a message came of: one id in the logs, from the webhook to the channel. Null: a person's words.
    Step("0003_what_led_to_it", ("ALTER TABLE outbox ADD COLUMN inbox_id {big}",)),
    Step("0004_ladder", LADDER),
    # Taken back while it was being sent: if it did not go out, it is not tried again.
    Step("0005_taken_back", ("ALTER TABLE outbox ADD COLUMN taken_back {big} NOT NULL DEFAULT 0",)),
    # Which services students of the real Page have been shown: a restart is not refused because of those.
    Step("0006_shown_services", (_SHOWN_SERVICES,)),
    Step("0007_people", PEOPLE),
    Step("0008_rota", ROTA),
    Step("0009_work", WORK),
    Step("0010_talk", TALK),
    # Which texts, services and phrases each process uses: newer ones may be refused while it runs.
    Step("0011_content_in_use", (_CONTENT_IN_USE,)),
    Step("0012_debrief", _DEBRIEF),
    Step("0013_published", PUBLISHED),
    Step("0014_years_of_past", _YEARS_OF_PAST),
    Step("0015_flow_ways", (_FLOW_WAYS,)),
    # On SQLite they lie in a file of their own, and here only in a copy (backup.py).
    Step("0016_posts", (posts.TABLE,)),
    # Those of unknown fate are few; what became of them is asked every few seconds.
    Step("0017_unknown_fate", ("CREATE INDEX outbox_unknown ON outbox (state_at) WHERE state = 'unknown'",)),
    # Two dangers of one tier: people see the one of the last card, the figures count the first. Null: it is the same.
    Step("0018_what_leads", ("ALTER TABLE alert ADD COLUMN leads TEXT",)),
    Step("0019_records", RECORDS),
)
