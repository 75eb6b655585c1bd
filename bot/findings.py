"""Every kind of finding that `peersupport check` knows: how grave it is, what it means, what to write instead.

docs/guide/en/findings.md has the same table; a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.yaml_text import Problem

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Kind:
    """`error` keeps the files from going live; `warning` and `note` do not."""

    level: Level
    means: str
    instead: str


def _error(means: str, instead: str) -> Kind:
    return Kind("error", means, instead)


def _warning(means: str, instead: str) -> Kind:
    return Kind("warning", means, instead)


def _note(means: str, instead: str) -> Kind:
    return Kind("note", means, instead)


KINDS: Mapping[str, Kind] = {
    # The form of a file
    "form": _error(
        "The file cannot be read as it is written.", "Write what the sentence says, on that line."
    ),
    # Where steps lead
    "no_flow": _error(
        "`welcome` or `menu` is missing.", "Put the file back; the service starts with these two."
    ),
    "start": _error("`start` names a step that is not there.", "Name one of the flow's steps."),
    "jump": _error(
        "A `goto` names a step that is not there.",
        "Name a step of this flow, or people, menu, back, end, erase.",
    ),
    "call": _error(
        "A `call` names a flow that is not there.", "Name the flow as it stands after `flow:` in its file."
    ),
    "reserved": _error("A step has the name of a built-in place.", "Give the step another name."),
    "nowhere": _error("A step or a choice has no way on.", "Add a `goto`."),
    "unreached": _error("No step leads to this one.", "Let a step go there, or take it out."),
    "uncalled": _error(
        "No step calls this flow.", "Call it from a step, such as one of the menu's, or take the file out."
    ),
    "does_nothing": _warning(
        "A step says nothing, asks nothing and keeps nothing.", "Take it out, or add what is missing."
    ),
    "circle": _error(
        "Steps go round without ever asking.", "Let one of them ask something, or go to another place."
    ),
    "long": _error("Too many steps in one go.", "Ask something in between, or make one step of several."),
    # What the walk proves
    "goodbye": _error(
        "The conversation ends without a word.",
        "Say goodbye in the step that goes to `end`, or go to people or menu.",
    ),
    "trap": _error("No button leads out of here.", "Add a choice that goes to people, or to menu."),
    "no_person": _warning(
        "No button leads to a person from here. The words PRATE and TALK do.",
        "Add a choice that goes to people, or to menu.",
    ),
    "endless": _error(
        "Who answers otherwise is asked for ever.", "Let the `goto` of `otherwise` lead to people."
    ),
    "silence": _error(
        "Who does not answer is written to again and again.",
        "Let the `goto` of `after` lead to end, or to people.",
    ),
    "taps": _error(
        "A person is more than five taps away.",
        "Leave out a question, or ask it after a person has the conversation.",
    ),
    "urgent": _error(
        "Urgent help has lost a button.",
        "Put back the menu's button to urgent help, or the choice with `danger`.",
    ),
    "same_question": _error(
        "A button only asks the same again.", "Let the choice lead somewhere else, or take it out."
    ),
    "never": _warning(
        "No answers lead here: the conditions before it never hold.",
        "Look at the `when` before it, or take the step out.",
    ),
    "flood": _warning(
        "More than four messages at once.", "Make one text of several, or ask something in between."
    ),
    "swallowed": _error(
        "A word that always works does not.", "Take the word out of the phrase or the button that catches it."
    ),
    "bounded": _note(
        "There are more ways than are walked.", "Use fewer conditions on saved answers; the rest was proved."
    ),
    # Texts
    "notice": _error(
        "The first step of `welcome` is not the notice.",
        "Begin with a step that says the notice and asks nothing.",
    ),
    "wording": _error(
        "A text is empty, has a wrong placeholder, or a number written out.",
        "Write what the sentence says, in both languages.",
    ),
    "too_long": _error(
        "A text does not fit into one message once everything is filled in.",
        "Shorten it, or make two steps of it.",
    ),
    "fill": _error(
        "What is filled in is longer than the check of lengths allows for.", "Shorten it in config.yaml."
    ),
    "service": _error(
        "A service's id is not in services.yaml.", "Write an id from services.yaml, or add the service there."
    ),
    "swapped": _warning("A text seems to be in the other language.", "Swap the two, or translate it."),
    "untranslated": _warning("Both languages say the same.", "Translate one of them."),
    "numbers_alone": _warning(
        "Services are listed without a word before them.", "Add a `say` that tells what they are for."
    ),
    "reading": _note("A text is hard to read (LIX over 45).", "Use shorter sentences and shorter words."),
    # Buttons
    "many": _error("Too many choices.", "Keep 13 at most; put the rest behind one that says «Noe annet»."),
    "title_long": _error("A button's words are cut off.", "Use 20 characters at most."),
    "title": _error("A button's words are empty or hold a placeholder.", "Write plain words."),
    "title_twice": _error("Two choices are the same when typed.", "Give one of them another title or id."),
    "title_command": _error(
        "A button has the name of a word that always works, and does something else.",
        "Call the choice otherwise.",
    ),
    "title_number": _warning("A button's title is only a number, or cannot be typed at all.", "Use words."),
    "title_danger": _error(
        "A button's words, typed, bring the emergency card; tapped, they do not.",
        "Mark the choice with `danger`, or call it otherwise.",
    ),
    "title_soft": _note(
        "A button's words, typed, are asked about with care first; tapped, they are not.",
        "Leave it if that is right; else call the choice otherwise.",
    ),
    "no_difference": _warning(
        "Two answers do the same, and which was given is not kept.",
        "Add `save`, or let them lead to different steps.",
    ),
    # Saved answers and conditions
    "saved": _error(
        "A built-in name is saved with a value it does not take.",
        "Use one of the values that the sentence names.",
    ),
    "values": _warning(
        "An answer that the service knows is not among the choices.", "Add a choice with that id."
    ),
    "condition": _error(
        "A condition asks for something that is never saved.", "Use a name and a value that some step saves."
    ),
    # The other files
    "texts": _error("A text of texts.yaml is missing, unknown or wrong.", "Write what the sentence says."),
    "services": _error("An entry of services.yaml cannot be used.", "Write what the sentence says."),
    "replies": _error(
        "A canned reply of replies.yaml cannot be used as it is.", "Write what the sentence says."
    ),
    "cards": _error(
        "An emergency card cannot go out as it is.",
        "Write what the sentence says; nothing else is as urgent.",
    ),
    "phrases": _error(
        "A risk phrase does not find what it should, or finds too much.",
        "Change the phrase or its sentences.",
    ),
    "think": _warning("Allowed, and worth a thought.", "Change it, or leave it if it is meant."),
}


def level(problem: Problem) -> Level:
    """How grave it is."""
    return KINDS[problem.kind].level


def errors(found: Iterable[Problem]) -> list[Problem]:
    """Those that keep the files from going live."""
    return [each for each in found if level(each) == "error"]


def instead(problem: Problem) -> str:
    """What to write instead."""
    return KINDS[problem.kind].instead


def as_data(problem: Problem) -> dict[str, str | int]:
    """For programs: one finding of `peersupport check --format json`, and of the editor."""
    return {
        "file": problem.file,
        "line": problem.line,
        "level": level(problem),
        "kind": problem.kind,
        "step": problem.step,
        "text": problem.text,
        "path": problem.path,
        "instead": instead(problem),
    }
