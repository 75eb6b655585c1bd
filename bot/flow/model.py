"""A flow as data: steps, choices, conditions. The keys are explained in flows/README.md."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from bot.settings import Model, Words

NAME = r"^[a-z][a-z0-9_]*$"  # no colon or space: names stand in button payloads
PLACES = ("people", "menu", "back", "end", "erase")  # built-in places a `goto` may name
WELCOME, MENU = "welcome", "menu"  # flows that the service itself starts
URGENT = "urgent_help"  # a flow of this name keeps what is promised of urgent help
MAX_CHOICES = 13  # quick replies under one message; the channel takes no more

# Built-in names for save and set, with the values they take.
BUILT_IN: dict[str, tuple[str, ...]] = {
    "language": ("nb", "en"),
    "safe": ("yes", "no", "unsure"),
    "feedback": ("yes", "some", "no"),
    "interest": ("meet", "group"),
}

Name = Annotated[str, Field(pattern=NAME)]
Minutes = Annotated[int, Field(ge=1, le=1380)]  # a question is over before the 24-hour window is


def _values(value: Any) -> Any:
    """Conditions as lists of text: true is "true", a single value is a list of one."""
    listed = value if isinstance(value, (list, tuple)) else [value]
    return [str(each).lower() if isinstance(each, bool) else each for each in listed]


# Written as one value or a list of them.
Values = Annotated[
    tuple[str, ...],
    BeforeValidator(_values),
    Field(min_length=1, json_schema_extra={"type": ["string", "boolean", "array"]}),
]


class DangerMark(Model):
    """This step or choice means danger: the card goes out, people are alerted, and the flow ends here."""

    tier: Literal["critical", "high", "elevated"]
    category: Annotated[str, Field(pattern=r"^[A-O]-[a-z][a-z-]*$")]


class FlowChoice(Model):
    """A quick reply. Without `goto` the step's own `goto` holds."""

    id: Name
    nb: str = Field(min_length=1, description="at most 20 characters")
    en: str = Field(min_length=1, description="at most 20 characters")
    goto: Name | None = None
    set: dict[Name, str] = Field(default_factory=dict)
    danger: DangerMark | None = None

    def title(self, language: str | None) -> str:
        """The button's words; bokmål while the language is not known."""
        return self.en if language == "en" else self.nb


class Otherwise(Model):
    """What happens when an answer is not one of the choices."""

    say: Words | None = None  # None: the step asks again
    tries: int = Field(default=2, ge=0, le=5)
    goto: Name = "people"


class After(Model):
    """What happens when no answer comes."""

    minutes: Minutes
    goto: Name


class Branch(Model):
    """Goes to `goto` when every condition holds."""

    if_: dict[Name, Values] = Field(alias="if", min_length=1)
    goto: Name


class Step(Model):
    """One place in a flow. In this order: set, say, then wait (choices or write), call, when, goto."""

    say: Words | None = None
    services: tuple[Name, ...] = ()
    choices: tuple[FlowChoice, ...] = ()
    write: Name | None = None
    optional: bool = False
    save: Name | None = None
    set: dict[Name, str] = Field(default_factory=dict)
    otherwise: Otherwise = Otherwise()
    after: After | None = None
    when: tuple[Branch, ...] = ()
    call: Name | None = None
    danger: DangerMark | None = None
    goto: Name | None = None

    @property
    def waits(self) -> bool:
        """Whether the step waits for the contact."""
        return bool(self.choices) or self.write is not None

    def choice(self, id: str) -> FlowChoice | None:
        """The choice with this id."""
        return next((choice for choice in self.choices if choice.id == id), None)

    @model_validator(mode="after")
    def _fits(self) -> Step:
        if self.choices and self.write:
            raise ValueError("a step has choices or write, not both")
        if self.waits and not self.say:
            raise ValueError("a step that waits for an answer needs a say")
        if self.waits and self.call:
            raise ValueError("a step that waits cannot call a flow; call it in the next step")
        if self.danger and (self.say or self.services or self.waits or self.call or self.when):
            raise ValueError(
                "a step with danger says nothing itself: the card does; it takes set and goto alone"
            )
        if self.danger and self.goto != "people":
            raise ValueError("a step with danger goes to people")
        if any(choice.danger and (choice.goto or self.goto) != "people" for choice in self.choices):
            raise ValueError("a choice with danger goes to people")
        if self.save and not self.choices:
            raise ValueError("save belongs to choices; free text is kept by write: name")
        if self.optional and not self.write:
            raise ValueError("optional belongs to write")
        if self.after and not self.waits:
            raise ValueError("after belongs to a step that waits for an answer")
        if "otherwise" in self.model_fields_set and not self.choices:
            raise ValueError("otherwise belongs to choices")
        return self


class Flow(Model):
    """One file in flows/."""

    flow: Name
    start: Name
    steps: dict[Name, Step] = Field(min_length=1)
