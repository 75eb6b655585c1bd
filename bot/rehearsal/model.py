"""A rehearsal as data: when it is, who does what, and what is expected. The language is in docs/guide/."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bot.conversation import Status, Tier
from bot.service_hours import LONGEST_SPAN_DAYS, Model

AMALIE = "Amalie"  # who is on duty when nobody is named; a sample name
NOTHING = "nothing"
LATEST = "latest"
LONGEST = timedelta(days=100)  # in one go; each day has its timers to play
MOST_TURNS, MOST_AT_ONCE = 200, 20
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
_CLOCK = re.compile(r"\d\d:\d\d")
_SPAN = re.compile(r"(\d{1,5}) (minute|hour|day)s?")


def _time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError(f"write the time as 2027-03-24 19:58, not {text!r}")
    try:
        year = datetime.fromisoformat(text).year
    except ValueError:
        raise ValueError(f"there is no such day or time: {text!r}") from None
    if not 2000 <= year < 2100:
        raise ValueError(f"write a year of this century, not {year}")
    return text


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        return _time(text)
    return _time(f"2027-01-01 {text}")[-5:]


def _span(value: Any) -> Any:
    if not isinstance(value, str) or not _SPAN.fullmatch(value):
        raise ValueError(f"write how long as 30 minutes, 2 hours or 3 days, not {value!r}")
    if span(value) > LONGEST:
        raise ValueError(f"at most {LONGEST.days} days at a time, not {value}")
    return value


def _duty(value: Any) -> Any:
    """Who is there, as a list of names: yes is one person, no is nobody."""
    if value in (True, "yes"):
        return (AMALIE,)
    if value in (False, "no"):
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


def _days(text: str) -> str:
    try:
        first, last = days(text)
    except ValueError:
        raise ValueError(f"write the days as 2027-07-05 to 2027-08-08, not {text!r}") from None
    if last < first:
        raise ValueError(f"the last day comes before the first: {text!r}")
    if (last - first).days >= LONGEST_SPAN_DAYS:
        raise ValueError(f"at most {LONGEST_SPAN_DAYS} days, not {text!r}")
    return text


def days(text: str) -> tuple[date, date]:
    """ "2027-07-05 to 2027-08-08" as its first and last day. Raises ValueError."""
    first, _, last = text.partition(" to ")
    return date.fromisoformat(first), date.fromisoformat(last)


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else (value,)


def _parts(value: Any) -> Any:
    """What is said, message by message: each a list of what stands in it. The word nothing: no message."""
    if value == NOTHING:
        return ()
    return tuple(_listed(each) for each in _listed(value))


def _buttons(value: Any) -> Any:
    return () if value == "none" else _listed(value)


def _alert(text: str) -> str:
    tiers = [tier.value for tier in Tier if tier is not Tier.NONE]
    tier, _, category = text.partition(" ")
    if text != "no" and (tier not in tiers or not re.fullmatch(r"([A-O]-[a-z][a-z-]*)?", category)):
        raise ValueError(f"write no, or a tier ({', '.join(tiers)}) and a category, as critical A-suicide")
    return text


def _text_or_list(value: str) -> dict[str, Any]:
    return {"type": ["string", "array"], "description": value}


def _few(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(texts) <= MOST_AT_ONCE:
        raise ValueError(f"1 to {MOST_AT_ONCE} messages arrive at once, not {len(texts)}")
    return texts


Said = Annotated[str, Field(min_length=1)]
Duty = Annotated[
    tuple[Said, ...],
    BeforeValidator(_duty),
    Field(json_schema_extra={"type": ["string", "boolean", "array"]}),
]
REFUSALS = {
    "WindowClosed": "window closed",
    "MayNotBeSafe": "may not be safe",
    "AlreadyClaimed": "taken",
    "NotYours": "not yours",
    "AnsweredMeanwhile": "answered meanwhile",
    "NotPossible": "not possible",
}
ACTS = (
    *("student writes", "student writes at once", "student taps", "student presses", "student sends"),
    *("student edits", "student unsends", "delivered again", "silence", "clock"),
    *("supporter", "supporter writes", "on duty"),
)


class Turn(Model):
    """One act, and what is expected after it. What is left out is not looked at."""

    # The student.
    writes: Said | None = Field(default=None, alias="student writes", description="words")
    at_once: Annotated[tuple[Said, ...], AfterValidator(_few)] | None = Field(
        default=None,
        alias="student writes at once",
        description="several messages that arrive together, before the bot has answered any",
    )
    taps: Said | None = Field(
        default=None, alias="student taps", description="the title of a button under the last message"
    )
    presses: Literal["get started", "menu", "people", "help", "language", "erase"] | None = Field(
        default=None, alias="student presses", description="Get started, or a line of the Page's own menu"
    )
    sends: Literal["like", "sticker", "image", "voice", "video", "file", "location"] | None = Field(
        default=None, alias="student sends"
    )
    edits: Said | None = Field(
        default=None, alias="student edits", description="the new words of the student's latest message"
    )
    unsends: Said | None = Field(
        default=None, alias="student unsends", description="latest, or the words of the message taken back"
    )
    again: Literal["latest"] | None = Field(
        default=None,
        alias="delivered again",
        description="Meta delivers the student's latest message once more",
    )
    # Time.
    silence: Annotated[str, BeforeValidator(_span)] | None = Field(
        default=None, description="30 minutes, 2 hours, 3 days: nobody does anything"
    )
    clock: Annotated[str, AfterValidator(_clock)] | None = Field(
        default=None, description="20:01, or 2027-03-24 20:01: nobody does anything until then"
    )
    # People.
    supporter: Literal["claims", "releases", "closes"] | None = None
    replies: Said | None = Field(default=None, alias="supporter writes", description="a person's words")
    duty: Duty | None = Field(
        default=None, alias="on duty", description="yes, no, or who is there from now on"
    )

    # What is expected.
    says: (
        Annotated[
            tuple[tuple[Said, ...], ...],
            BeforeValidator(_parts),
            Field(
                json_schema_extra=_text_or_list(
                    "the bot's messages in order: keys of texts or steps, or words"
                )
            ),
        ]
        | None
    ) = Field(default=None, alias="bot says")
    buttons: (
        Annotated[
            tuple[Said, ...],
            BeforeValidator(_buttons),
            Field(json_schema_extra=_text_or_list("the titles under the last message, in order, or none")),
        ]
        | None
    ) = None
    status: Status | None = None
    queue: Annotated[int, Field(ge=1)] | Literal["no"] | None = Field(
        default=None, description="the place among those who wait (1 is next), or no"
    )
    tier: Tier | None = None
    alert: Annotated[str, AfterValidator(_alert)] | None = Field(
        default=None, description="no, or as critical A-suicide"
    )
    refused: (
        Literal[
            "window closed", "may not be safe", "taken", "not yours", "answered meanwhile", "not possible"
        ]
        | None
    ) = Field(default=None, description="why the supporter may not do this")
    language: Literal["nb", "en"] | None = Field(default=None, description="from here on, of texts by key")

    @model_validator(mode="after")
    def _one_act(self) -> Turn:
        acts = self.acts
        if len(acts) != 1:
            listed = " and ".join(repr(act) for act in acts) or "none"
            raise ValueError(
                f"each turn needs one act, and this has {listed}; write one of {', '.join(ACTS)}"
            )
        if self.refused and not (self.supporter or self.replies):
            raise ValueError("refused belongs to what a supporter does")
        return self

    @property
    def acts(self) -> list[str]:
        """The names of what is done here; a turn that has been read has one."""
        fields = type(self).model_fields
        names = {info.alias or name: name for name, info in fields.items()}
        return [act for act in ACTS if getattr(self, names[act]) is not None]


def _some(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    if not turns:
        raise ValueError("there is nothing to play; write a turn, as - student writes: hei")
    if len(turns) > MOST_TURNS:
        raise ValueError(f"more than {MOST_TURNS} turns; make it several rehearsals")
    return turns


class Rehearsal(Model):
    """One file in flows/rehearsals/."""

    name: Said
    at: Annotated[str, AfterValidator(_time)] = Field(description="when it starts, on the clock in Oslo")
    language: Literal["nb", "en"] = Field(default="nb", description="which the bot is expected to speak")
    duty: Duty = Field(default=(AMALIE,), alias="on duty", description="yes, no, or who is there")
    waiting: int = Field(
        default=0, ge=0, le=20, alias="already waiting", description="how many students wait already"
    )
    closed: Annotated[str, AfterValidator(_days)] | None = Field(
        default=None,
        alias="also closed",
        description="2027-07-05 to 2027-08-08: as if these days were closed, too",
    )
    turns: Annotated[tuple[Turn, ...], AfterValidator(_some)]


def span(text: str) -> timedelta:
    """ "30 minutes" as a duration."""
    match = _SPAN.fullmatch(text)
    assert match is not None  # noqa: S101 - read by the model
    return timedelta(**{f"{match[2]}s": int(match[1])})


def wall(text: str, zone: ZoneInfo, after: datetime | None = None) -> datetime | None:
    """A time on the wall in UTC. None: March leaves it out. October has it twice: the first not before `after`."""
    local = datetime.fromisoformat(text).replace(tzinfo=zone)
    first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        return None
    return second if after is not None and first < after else first


def schema() -> str:
    """flows/rehearsals/rehearsal.schema.json: editors complete and mark keys with it."""
    described = Rehearsal.model_json_schema(by_alias=True)
    return json.dumps(described, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
