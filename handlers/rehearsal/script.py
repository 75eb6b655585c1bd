"""Writes what was played as a rehearsal: the acts are played once more, and what happens becomes what is expected."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.content import Content
from bot.conversation import Status, Tier
from bot.rehearsal.model import AMALIE, Turn, days
from bot.rehearsal.wording import filled_in, name_of
from handlers.rehearsal.player import CannotPlayError, Heard, stage
from handlers.rehearsal.run import alert_words, also_closed

SCHEMA_LINE = "# yaml-language-server: $schema=rehearsal.schema.json"
_KEY = re.compile(r"nothing|[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
_WORDS = frozenset(  # in quotes: they may look like anything
    {
        *(
            "name",
            "student writes",
            "student writes at once",
            "student taps",
            "student edits",
            "student unsends",
        ),
        *("supporter writes", "bot says", "buttons", "on duty"),
    }
)

Act = Mapping[str, Any]  # one act as a turn has it: {"student writes": "hei"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a rehearsal begins."""

    name: str
    at: datetime  # aware; to the minute
    duty: tuple[str, ...] = (AMALIE,)
    waiting: int = 0
    closed: str | None = None  # "2027-07-05 to 2027-08-08": as if closed then, too


def script_of(content: Content, opening: Opening, acts: Sequence[Act]) -> str:
    """The rehearsal as YAML; it passes on this content.

    A tap on a button that is not there any more becomes its words, typed; what cannot be done at all is left out.
    """
    turns: list[dict[str, Any]] = []
    if opening.closed:
        content = also_closed(content, *days(opening.closed))
    at = opening.at.replace(second=0, microsecond=0)
    with stage(content, at, opening.duty, opening.waiting) as player:
        noted = _Noted(content)
        for act in acts:
            for way in _ways(act):
                try:
                    heard = player.play(Turn.model_validate(way))
                except CannotPlayError:
                    continue
                by_people = any(act in way for act in ("supporter", "supporter writes", "on duty"))
                turns.append({**way, **noted.expected(heard, by_people=by_people)})
                break
        header = {
            "name": opening.name,
            "at": f"{at.astimezone(player.zone):%Y-%m-%d %H:%M}",
            **({"language": noted.first} if noted.first == "en" else {}),
            **_duty(opening.duty),
            **({"already waiting": opening.waiting} if opening.waiting else {}),
            **({"also closed": opening.closed} if opening.closed else {}),
        }
    return "\n".join(_yaml(header, turns)) + "\n"


def _ways(act: Act) -> Iterator[Act]:
    yield act
    if "student taps" in act:
        yield {"student writes": act["student taps"]}


def _duty(names: tuple[str, ...]) -> dict[str, Any]:
    return {} if names == (AMALIE,) else {"on duty": list(names)}


class _Noted:
    """What is worth expecting: all that is said, and what changed."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.first: str | None = None
        self.language = "nb"
        self._status, self._place, self._alert = Status.BOT.value, "no", "no"
        self._tier = Tier.NONE.value

    def expected(self, heard: Heard, *, by_people: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        conversation = heard.conversation
        language = conversation.language if conversation else None
        if self.first is None and language:
            self.first = self.language = language
        elif language and language != self.language:
            self.language = found["language"] = language
        if heard.refused:
            found["refused"] = heard.refused
        says = [self._named(one.text) for one in heard.by_bot]
        if says or not by_people:
            found["bot says"] = says[0] if len(says) == 1 and isinstance(says[0], str) else says or "nothing"
        if heard.buttons and says and not self._is_step(says[-1]):
            found["buttons"] = list(heard.buttons)  # those of a step stand in its flow
        found |= self._changed(heard)
        return found

    def _named(self, text: str) -> str | list[str]:
        """The key, and beside it what it was filled with where that is the point of it."""
        key = name_of(self.content, text, self.language)
        filled = filled_in(self.content, key, text, self.language)
        return [key, *filled] if filled else key

    def _is_step(self, said: str | list[str]) -> bool:
        key = said if isinstance(said, str) else said[0]
        return key.split(".")[0] in self.content.flows and "." in key

    def _changed(self, heard: Heard) -> dict[str, Any]:
        conversation = heard.conversation
        now = (
            conversation.status.value if conversation else Status.CLOSED.value,
            str(heard.place or "no"),
            conversation.tier.value if conversation else Tier.NONE.value,
            alert_words(heard),
        )
        before = (self._status, self._place, self._tier, self._alert)
        self._status, self._place, self._tier, self._alert = now
        names = ("status", "queue", "tier", "alert")
        return {name: new for name, old, new in zip(names, before, now, strict=True) if old != new}


# As text.


def _yaml(header: Mapping[str, Any], turns: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield SCHEMA_LINE
    yield from (f"{key}: {_value(key, value)}" for key, value in header.items())
    yield "turns:"
    for turn in turns:
        yield ""
        for number, (key, value) in enumerate(turn.items()):
            yield f"  {'-' if number == 0 else ' '} {key}: {_value(key, value)}"


def _value(key: str, value: Any) -> str:
    if key == "on duty" and not value:
        return "no"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(key, each) for each in value)}]"
    text = str(value)
    if key not in _WORDS or (key == "bot says" and _KEY.fullmatch(text)):
        return text
    return json.dumps(text, ensure_ascii=False)
