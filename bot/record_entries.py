"""What may stand in the record of a serious case: one model per kind of line, so that nothing is left half said."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter, ValidationError

from bot.errors import NotPossible
from bot.settings import Model

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class Asked(Model):
    """Whether the student was asked directly, and what came of it."""

    kind: Literal["asked"] = "asked"
    asked: bool
    answer: Literal["yes", "no", "unclear", "none"] = "none"


class Place(Model):
    """Where the student is, as far as it is known."""

    kind: Literal["place"] = "place"
    known: bool
    place: Text | None = None


class Called(Model):
    """Who called whom, and when."""

    kind: Literal["called"] = "called"
    who: Literal["student", "supporter", "duty_lead", "coordinator", "somebody_else"]
    whom: Short  # a number or a service, such as 113
    called_at: AwareDatetime
    reference: Short | None = None  # the operator's


class Consent(Model):
    """Whether the student was asked before others were told, and the answer."""

    kind: Literal["consent"] = "consent"
    asked: bool
    answer: Literal["yes", "no", "not_asked", "not_possible"]


class Facts(Model):
    """What was passed on, to whom: only what is needed."""

    kind: Literal["facts"] = "facts"
    passed_on: Text
    to: Short


class Ground(Model):
    """On what ground confidentiality was set aside."""

    kind: Literal["ground"] = "ground"
    # Straffeloven sections 17 (necessity), 196 (duty to avert), 287 (duty to help), helsepersonelloven section 31:
    # https://lovdata.no/dokument/NL/lov/2005-05-20-28, https://lovdata.no/dokument/NL/lov/1999-07-02-64
    ground: Literal["consent", "s17", "s196", "s287", "hpl31"]


class HelpArrived(Model):
    """Whether it is confirmed that help reached the student."""

    kind: Literal["help_arrived"] = "help_arrived"
    confirmed: bool
    how: Text | None = None


class Informed(Model):
    """Who else among us was told."""

    kind: Literal["informed"] = "informed"
    who: Literal["duty_lead", "coordinator"]


class HandedOver(Model):
    """Who has the student now."""

    kind: Literal["handed_over"] = "handed_over"
    to: Short


class Debrief(Model):
    """A talk about it with the one who had it, offered the same day."""

    kind: Literal["debrief"] = "debrief"
    offered: bool = True
    taken: Literal["yes", "no", "later", "not_answered"] = "not_answered"


class Note(Model):
    """Anything else."""

    kind: Literal["note"] = "note"
    text: Text


Line = Annotated[
    Asked | Place | Called | Consent | Facts | Ground | HelpArrived | Informed | HandedOver | Debrief | Note,
    Field(discriminator="kind"),
]
_FEWEST_LETTERS = 3
_lines: TypeAdapter[Any] = TypeAdapter(Line)
KINDS = (
    "asked",
    "place",
    "called",
    "consent",
    "facts",
    "ground",
    "help_arrived",
    "informed",
    "handed_over",
    "debrief",
    "note",
)


def is_said(reason: str) -> bool:
    """Whether there are words in it. A dot, or a space that nobody sees, is no reason."""
    return sum(each.isalpha() for each in reason) >= _FEWEST_LETTERS


def read_line(kind: str, fields: dict[str, object], now: datetime) -> dict[str, Any]:
    """The line's fields, checked and ready to keep. Raises NotPossible, naming the field and never its value."""
    try:
        line = _lines.validate_python({**fields, "kind": kind})
    except ValidationError as error:
        where = error.errors(include_input=False, include_url=False, include_context=False)[0]["loc"]
        raise NotPossible(f"record: {'.'.join(map(str, where)) or kind}") from None
    if isinstance(line, Called) and line.called_at > now:
        raise NotPossible("record: called_at")
    kept: dict[str, Any] = line.model_dump(mode="json", exclude={"kind"}, exclude_none=True)
    return kept
