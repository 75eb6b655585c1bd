"""Canned replies from replies.yaml: few, in both languages, with blanks that a person fills in before they go.

A reply is put into the composer, never sent by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from bot.conversation import Tier
from bot.errors import NotPossible
from bot.fill import MAX_TEXT, longest, phone_numbers, placeholders, units, wording_problems
from bot.services import NAME
from bot.settings import Model, Words
from bot.texts import Texts
from bot.yaml_text import Located, Path, Problem

MAX_BLANK = 120  # characters of what is filled into one blank
MOST = 30  # few by design: a person's own words are better
_ALIAS = "alias"  # filled in by us: the name that the student knows


class Blank(Model):
    """Something only the person who writes can know. `label` is what the console asks for."""

    id: str = Field(pattern=NAME)
    label: Words


class Reply(Model):
    """One reply. `use`: calm ones are not offered while somebody may be in danger; danger ones come first then."""

    id: str = Field(pattern=NAME)
    title: Words
    text: Words
    blanks: tuple[Blank, ...] = ()
    use: Literal["calm", "danger", "always"] = "calm"

    def fits(self, tier: Tier) -> bool:
        """Whether it is offered in a conversation of this tier."""
        return self.use != "calm" if tier.rank >= Tier.HIGH.rank else True


class ReplyList(Model):
    """replies.yaml."""

    replies: tuple[Reply, ...] = Field(max_length=MOST)


class Replies:
    """All replies, in the file's order; none where there is no file."""

    def __init__(self, listed: ReplyList | None = None) -> None:
        self._replies = listed.replies if listed else ()

    def offered(self, tier: Tier) -> list[Reply]:
        """Those that fit: for danger first when there is danger, else in the file's order."""
        found = [reply for reply in self._replies if reply.fits(tier)]
        if tier.rank >= Tier.HIGH.rank:
            return sorted(found, key=lambda reply: reply.use != "danger")
        return found

    def get(self, id: str) -> Reply | None:
        """The reply with this id."""
        return next((reply for reply in self._replies if reply.id == id), None)


def written(reply: Reply, language: str, texts: Texts, *, alias: str, blanks: Mapping[str, str]) -> str:
    """The words to go into the composer. Raises NotPossible("blanks") while a blank is empty."""
    given = {blank.id: " ".join(blanks.get(blank.id, "").split())[:MAX_BLANK] for blank in reply.blanks}
    if not all(given.values()):
        raise NotPossible("blanks")
    return texts.fill(reply.text.in_(language), language, alias=alias, **given)


def pieces(reply: Reply, language: str, texts: Texts, *, alias: str) -> list[tuple[str, str | None]]:
    """The text for a preview: words, and (label, id of the blank) where something is still to be filled in."""
    labels = {blank.id: blank.label.in_(language) for blank in reply.blanks}
    marks = {id: f"\0{id}\0" for id in labels}
    shown = texts.fill(reply.text.in_(language), language, alias=alias, **marks)
    found: list[tuple[str, str | None]] = []
    for number, part in enumerate(shown.split("\0")):
        if number % 2:
            found.append((labels[part], part))
        elif part:
            found.append((part, None))
    return found


def reply_problems(located: Located, listed: ReplyList, numbers: Mapping[str, str]) -> list[Problem]:
    """Ids used twice, blanks that differ or are not used, unknown placeholders, numbers written out, length."""
    found: list[Problem] = []
    seen: set[str] = set()
    for place, reply in enumerate(listed.replies):
        path: Path = ("replies", place)
        if reply.id in seen:
            found.append(located.problem(f"the id {reply.id!r} is used twice", *path, "id"))
        seen.add(reply.id)
        found += [located.problem(f"{reply.id}: {said}", *path, "text") for said in _wrong(reply, numbers)]
        for number, blank in enumerate(reply.blanks):
            said = _wrong_blank(blank, reply, numbers)
            if said:
                found.append(located.problem(f"{reply.id}: {said}", *path, "blanks", number))
        for language, title in (("nb", reply.title.nb), ("en", reply.title.en)):
            if units(title) > 60:
                found.append(
                    located.problem(f"{reply.id}: {language}: a title takes 60 characters", *path, "title")
                )
    return found


def _wrong(reply: Reply, numbers: Mapping[str, str]) -> list[str]:
    names = {blank.id for blank in reply.blanks}
    said = wording_problems(reply.text, names | {_ALIAS}, numbers)
    for language, text in (("nb", reply.text.nb), ("en", reply.text.en)):
        room = longest(text, numbers) + sum(MAX_BLANK - 20 for name in placeholders(text) if name in names)
        if room > MAX_TEXT:
            said.append(f"{language}: may reach {room} characters; one message takes {MAX_TEXT}")
    return said


def _wrong_blank(blank: Blank, reply: Reply, numbers: Mapping[str, str]) -> str | None:
    if blank.id == _ALIAS or blank.id in numbers:
        return f"{blank.id!r} is filled in by itself; call the blank otherwise"
    if blank.id not in placeholders(reply.text.nb) and blank.id not in placeholders(reply.text.en):
        return f"the blank {blank.id!r} is not in the text"
    if [blank.id for each in reply.blanks if each.id == blank.id][1:]:
        return f"the blank {blank.id!r} is listed twice"
    if phone_numbers(blank.label.nb) or phone_numbers(blank.label.en):
        return f"the label of {blank.id!r} holds a number"
    return None
