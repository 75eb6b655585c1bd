"""The tables of published sets, proposals and drafts of files. A step of `migrations`.

The text of a published file is what students read, and what lies in the folder too: it is not sealed, so that
no lost or changed key ever leaves the service without words. Reasons and drafts are somebody's own, and are.
"""

from __future__ import annotations

PUBLISHED = (
    """CREATE TABLE published_text (
        hash {blob} NOT NULL PRIMARY KEY,       -- SHA-256 of the text
        body {blob} NOT NULL                    -- deflated; equal texts of all sets lie here once
    ) {strict}""",
    """CREATE TABLE published_set (
        number {big} NOT NULL PRIMARY KEY,      -- from 1, without gaps
        uid {blob} NOT NULL,
        at {big} NOT NULL,
        by_id {big},                            -- null: from the command line, or by itself at the first start
        second_id {big},
        why {blob} NOT NULL,
        origin TEXT NOT NULL,                   -- first, disk, console, restore, demo
        hash {blob} NOT NULL,                   -- of all names and texts
        plan TEXT NOT NULL,                     -- JSON: what becomes of conversations under way
        lasts {big} NOT NULL                    -- 1: they finish on the set they began with
    ) {strict}""",
    """CREATE TABLE published_file (
        number {big} NOT NULL REFERENCES published_set (number),
        name TEXT NOT NULL,
        text_hash {blob} NOT NULL REFERENCES published_text (hash),
        PRIMARY KEY (number, name)
    ) {strict}""",
    """CREATE TABLE proposal (
        id {pk},
        uid {blob} NOT NULL,
        base {big} NOT NULL,                    -- the set that was newest
        at {big} NOT NULL,
        by_id {big} NOT NULL,
        why {blob} NOT NULL,
        origin TEXT NOT NULL,
        plan TEXT NOT NULL,
        reasons TEXT NOT NULL,                  -- JSON list of codes: why a second person must agree
        state TEXT NOT NULL DEFAULT 'open',     -- open, approved, refused, withdrawn
        decided_by {big},
        decided_at {big},
        number {big}                            -- the set that it became
    ) {strict}""",
    "CREATE INDEX proposal_open ON proposal (id) WHERE state = 'open'",
    """CREATE TABLE proposal_file (
        proposal_id {big} NOT NULL REFERENCES proposal (id),
        name TEXT NOT NULL,
        text_hash {blob} NOT NULL REFERENCES published_text (hash),
        PRIMARY KEY (proposal_id, name)
    ) {strict}""",
    """CREATE TABLE file_draft (
        staff_id {big} NOT NULL REFERENCES staff (id),
        name TEXT NOT NULL,
        base_hash {blob},                       -- the published text it began from; null: a new file
        uid {blob} NOT NULL,
        body {blob} NOT NULL,
        hash {blob} NOT NULL,                   -- keyed, of the draft's text
        updated_at {big} NOT NULL,
        PRIMARY KEY (staff_id, name)
    ) {strict}""",
    # Which set a conversation began its flow with; null: it is in none. The step itself stays sealed.
    "ALTER TABLE conversation ADD COLUMN flow_set {big}",
    "CREATE INDEX conversation_flow_set ON conversation (flow_set) WHERE flow_set IS NOT NULL",
    # Names of the files on a process's disk that differ from the newest set.
    "ALTER TABLE content_in_use ADD COLUMN differs TEXT",
)
