"""What a member of staff says about themself: what routing and notices need, sealed as one value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import time
from typing import Literal

Trained = Literal["basic", "full"]
Notice = Literal["queue", "mine", "shift", "mention"]
NoticeChannel = Literal["push", "email"]
NOTICES: tuple[Notice, ...] = ("queue", "mine", "shift", "mention")
NOTICE_CHANNELS: tuple[NoticeChannel, ...] = ("push", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Wishes, never walls: no field of it keeps anybody from a critical or high conversation."""

    languages: tuple[str, ...] = (
        "nb",
        "en",
    )  # spoken with students: nb, en, and others in the person's own words
    campus: str | None = None  # the id of a button of the step `campus` in flows/intake.yaml; None: not said
    avoid_own_campus: bool = (
        False  # would rather not meet students of `campus`; without it they may be offered first
    )
    gender: str | None = None  # in the person's own words, for students who ask for one; None: not said
    # "channel:notice", such as "push:queue" or "email:shift": see `wants`. queue: somebody new waits while on duty;
    # mine: a message in one of theirs; shift: before a shift; mention: named in a note. E-mail only as chosen.
    notify: frozenset[str] = frozenset(f"push:{notice}" for notice in NOTICES)
    # By the clock of the service hours' zone (Oslo). Both None: no quiet hours. Over midnight when from > to.
    # Never for alerts of the ladder that name the person while they are on duty.
    quiet_from: time | None = None
    quiet_to: time | None = None

    def wants(self, notice: Notice, channel: NoticeChannel) -> bool:
        """Whether this person chose to hear of it this way. Quiet hours are a question of their own."""
        return f"{channel}:{notice}" in self.notify

    def is_quiet(self, local: time) -> bool:
        """Whether `local`, a time of day in the service's zone, lies in the quiet hours."""
        if self.quiet_from is None or self.quiet_to is None:
            return False
        if self.quiet_from <= self.quiet_to:
            return self.quiet_from <= local < self.quiet_to
        return local >= self.quiet_from or local < self.quiet_to


def as_text(profile: Profile) -> str:
    """As it is sealed."""
    return json.dumps(
        {
            "languages": profile.languages,
            "campus": profile.campus,
            "avoid_own_campus": profile.avoid_own_campus,
            "gender": profile.gender,
            "notify": sorted(profile.notify),
            "quiet_from": profile.quiet_from and profile.quiet_from.isoformat(),
            "quiet_to": profile.quiet_to and profile.quiet_to.isoformat(),
        },
        ensure_ascii=False,
    )


def from_text(text: str) -> Profile:
    """What `as_text` made."""
    kept = json.loads(text)
    return Profile(
        languages=tuple(kept["languages"]),
        campus=kept["campus"],
        avoid_own_campus=kept["avoid_own_campus"],
        gender=kept["gender"],
        notify=frozenset(kept["notify"]),
        quiet_from=_time(kept["quiet_from"]),
        quiet_to=_time(kept["quiet_to"]),
    )


def _time(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)
