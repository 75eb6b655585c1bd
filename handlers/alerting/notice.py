"""What a notification says: that somebody is needed, and where to sign in. Never who, what, or how bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from bot.settings import Words
from storage.ladder_records import Purpose, Subscription

_DRILL = Words(nb="ØVELSE: ", en="DRILL: ")
_TITLE = Words(nb="Varsel fra {page}", en="Alert from {page}")
_TEXT: Mapping[Purpose, Words] = {
    "ladder": Words(nb="Noen trenger deg i konsollen nå.", en="Somebody needs you in the console now."),
    "identity": Words(
        nb="En kollega trenger at du ser på noe i dag.",
        en="A colleague needs you to look at something today.",
    ),
    "debrief": Words(
        nb="En kollega vil gjerne snakke med deg i dag.",
        en="A colleague would like to talk with you today.",
    ),
}
RotaPurpose = Literal["shift", "missing", "asked", "answered", "changed"]
_ROTA_TITLE = Words(nb="Vaktplanen, {page}", en="Rota, {page}")
_ROTA_TEXT: Mapping[RotaPurpose, Words] = {
    "shift": Words(
        nb="Vakta di begynner kl. {clock}. Kan du ikke komme, si fra til vaktlederen.",
        en="Your shift begins at {clock}. If you cannot come, tell the duty lead.",
    ),
    "missing": Words(
        nb="En vakt har begynt uten at alle er på plass. Se i vaktplanen.",
        en="A shift has begun and not everybody is there. Look at the rota.",
    ),
    "asked": Words(
        nb="En kollega spør om du kan ta en vakt.", en="A colleague asks if you can take a shift."
    ),
    "answered": Words(nb="Du har fått svar om bytte av vakt.", en="You have an answer about a swap."),
    "changed": Words(
        nb="Koordinatoren har endret noe ved vaktene dine.",
        en="The coordinator has changed something about your shifts.",
    ),
}
ColleaguePurpose = Literal["mention", "asked", "own", "lead"]
_COLLEAGUE_TITLE = Words(nb="Beskjed, {page}", en="Message, {page}")
_COLLEAGUE_TEXT: Mapping[ColleaguePurpose, Words] = {
    "mention": Words(
        nb="En kollega ber deg se på noe i konsollen.", en="A colleague asks you to look at something."
    ),
    "asked": Words(
        nb="En kollega venter på et ja eller nei fra deg.", en="A colleague waits for a yes or no from you."
    ),
    "own": Words(nb="Det er noe nytt til deg i konsollen.", en="There is something new for you."),
    "lead": Words(nb="Det er noe du skal følge opp.", en="There is something for you to follow up."),
}
_SIGN_IN = Words(nb="Logg inn", en="Sign in")


NoticeKind = Literal[
    "alert", "drill", "review", "new", "rota", "mention"
]  # mention: whatever colleagues want


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notification to one person, ready to go. Addresses of other channels may be there too."""

    key: str  # the same at every try
    kind: NoticeKind
    title: str
    text: str
    link: str
    at: datetime  # now, aware
    email: str | None = None
    phone: str | None = None
    subscriptions: tuple[Subscription, ...] = ()


class ChannelFailed(Exception):
    """The channel did not take it. `code` is stable and safe to log and to show."""

    def __init__(self, code: str, *, again: bool, unknown: bool = False, gone: tuple[int, ...] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.again = again  # another try may help
        self.unknown = unknown  # it may have arrived
        self.gone = gone  # push subscriptions that are no more


class AlertChannel(Protocol):
    """One way to reach people."""

    def tell(self, notice: Notice) -> tuple[int, ...]:
        """Say it; returns ids of push subscriptions that are gone. Raises ChannelFailed."""


def words(purpose: Purpose, *, page: str, link: str, drill: bool, language: str | None) -> tuple[str, str]:
    """Title and text, in one language, or in both when nobody knows which (None)."""
    languages = (language,) if language in ("nb", "en") else ("nb", "en")
    title, lines = [], []
    for each in languages:
        prefix = _DRILL.in_(each) if drill else ""
        title.append(prefix + _TITLE.in_(each).format(page=page))
        lines.append(f"{prefix}{_TEXT[purpose].in_(each)} {_SIGN_IN.in_(each)}: {link}")
    return " / ".join(title), "\n".join(lines)


def rota_words(
    purpose: RotaPurpose, *, page: str, link: str, language: str, clock: str = ""
) -> tuple[str, str]:
    """Title and text about somebody's own shifts: no name of anybody, no word of what the work is about."""
    text = _ROTA_TEXT[purpose].in_(language).format(clock=clock)
    return _ROTA_TITLE.in_(language).format(page=page), f"{text} {_SIGN_IN.in_(language)}: {link}"


def colleague_words(purpose: ColleaguePurpose, *, page: str, link: str, language: str) -> tuple[str, str]:
    """Title and text about what a colleague wants: no name of anybody, no word of what it is about."""
    text = _COLLEAGUE_TEXT[purpose].in_(language)
    return _COLLEAGUE_TITLE.in_(language).format(page=page), f"{text} {_SIGN_IN.in_(language)}: {link}"
