"""What one coordinator works on: the published files with their own drafts laid over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from flask import g

from bot.versions import FIRST
from handlers.console.diagram import Traffic
from handlers.console.parts import now, parts
from storage import Tx
from storage.published import text_hash
from storage.publishing_records import FileDraft, PublishedSet
from storage.records import Staff


@dataclass(frozen=True, slots=True)
class Edition:
    """A published set with its texts."""

    number: int
    files: Mapping[str, str]
    at: datetime | None
    who: str  # alias; empty for the command line
    why: str


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody else's draft of a file: who and since when, never the text."""

    alias: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Work:
    """Everything the authoring pages need."""

    edition: Edition
    drafts: Mapping[str, FileDraft]
    others: Mapping[str, tuple[Other, ...]]

    @property
    def files(self) -> dict[str, str]:
        """As they would be with my drafts published."""
        return self.with_drafts(self.drafts)

    def with_drafts(self, names: Collection[str]) -> dict[str, str]:
        """As they would be with these of my drafts published."""
        return {**self.edition.files, **{n: draft.text for n, draft in self.drafts.items() if n in names}}

    def published_hash(self, name: str) -> str:
        """Of the published text; empty for a file that is new."""
        return text_hash(self.edition.files[name]) if name in self.edition.files else ""

    def base(self, name: str) -> str:
        """Of the published text that the shown one began from."""
        draft = self.drafts.get(name)
        return (draft.base or "") if draft else self.published_hash(name)

    @property
    def outdated(self) -> list[str]:
        """Drafts that began from a text that is not the published one any more."""
        return [name for name in self.drafts if self.base(name) != self.published_hash(name)]


@lru_cache(maxsize=4)
def _texts(storage: Any, number: int) -> Mapping[str, str]:
    """The files of a set never change."""
    files: Mapping[str, str] = storage.read(lambda tx: tx.published.files(number))
    return files


def open_for(staff: Staff) -> Work:
    """Read once a request."""
    if "work" in g:
        return g.work  # type: ignore[no-any-return]

    def read(tx: Tx) -> tuple[PublishedSet | None, list[FileDraft], dict[str, tuple[int, ...]], list[Staff]]:
        return tx.published.newest(), tx.file_drafts.of(staff.id), tx.file_drafts.who(), tx.staff.all()

    newest, mine, who, people = parts().storage.read(read)
    names = {each.id: each.alias for each in people}
    others = {
        name: tuple(_other(names, staff_id, name) for staff_id in ids if staff_id != staff.id)
        for name, ids in who.items()
        if any(staff_id != staff.id for staff_id in ids)
    }
    edition = (
        Edition(
            newest.number,
            _texts(parts().storage, newest.number),
            newest.at,
            names.get(newest.by or 0, ""),
            newest.why,
        )
        if newest
        else Edition(0, {}, None, "", "")
    )
    g.work = Work(edition, {draft.name: draft for draft in mine}, others)
    return g.work  # type: ignore[no-any-return]


def _other(names: Mapping[int, str], staff_id: int, name: str) -> Other:
    draft = parts().storage.read(lambda tx: tx.file_drafts.get(staff_id, name))
    return Other(names.get(staff_id, "?"), draft.updated_at if draft else now())


def save(staff: Staff, name: str, text: str, base: str, seen: str | None) -> FileDraft | None:
    """Keep my draft; the same text as published is none. Raises DraftChanged when another window was first."""
    published = open_for(staff).edition.files.get(name)

    def write(tx: Tx) -> FileDraft | None:
        kept = tx.file_drafts.save(staff.id, name, text, base=base or None, seen=seen, now=now())
        if text == published:
            tx.file_drafts.drop(staff.id, name, seen=kept.hash)
            return None
        return kept

    found: FileDraft | None = parts().storage.write(write)
    g.pop("work", None)
    return found


def discard(staff: Staff, name: str, seen: str) -> bool:
    """Throw my draft away, if it is the one that was on the screen."""
    done: bool = parts().storage.write(lambda tx: tx.file_drafts.drop(staff.id, name, seen=seen))
    g.pop("work", None)
    return done


def traffic(name: str) -> Traffic:
    """What students did in the flow of this file since it was last changed, and where they stand now."""

    def read(tx: Tx) -> Traffic:
        since = tx.published.unchanged_since(name)
        begun = tx.published.get(since) if since else None
        here: Counter[tuple[str, str]] = Counter()
        waiting: Counter[tuple[str, str]] = Counter()
        for each in tx.conversations.underway():
            place = (each.state.at.flow, each.state.at.step)
            here[place] += 1
            waiting[place] += since is not None and (each.flow_set or FIRST) >= since
        taken = tx.ways.since(since) if since is not None else {}
        return Traffic(
            since=since or 0, at=begun.at if begun else None, taken=taken, waiting=waiting, here=here
        )

    found: Traffic = parts().storage.read(read)
    return found
