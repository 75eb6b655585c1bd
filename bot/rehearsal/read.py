"""A rehearsal's file to its model, with a sentence and a line for every mistake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.rehearsal.model import Rehearsal, wall
from bot.rehearsal.wording import mistake
from bot.yaml_text import BadYamlError, Located, Problem, read_yaml, validate

if TYPE_CHECKING:
    from bot.content import Content

FOLDER = "flows/rehearsals/"


@dataclass(frozen=True, slots=True)
class Script:
    """A rehearsal that can be played, and where its turns stand in the file."""

    file: str
    rehearsal: Rehearsal
    lines: tuple[int, ...]  # of each turn, from 1


def is_rehearsal(file: str) -> bool:
    """Whether a file of this name holds one."""
    return file.startswith(FOLDER) and file.endswith(".yaml")


def read_script(text: str, file: str, content: Content) -> Script | list[Problem]:
    """The rehearsal, or everything that is wrong with it: its form, its times, and keys that no text has."""
    try:
        located = read_yaml(text, file)
    except BadYamlError as error:
        return error.found
    rehearsal = validate(Rehearsal, located)
    if isinstance(rehearsal, list):
        return rehearsal
    found = [*_times(rehearsal, located, content), *_keys(rehearsal, located, content)]
    lines = tuple(located.line("turns", number) for number in range(len(rehearsal.turns)))
    return sorted(set(found)) if found else Script(file, rehearsal, lines)


def _times(rehearsal: Rehearsal, located: Located, content: Content) -> list[Problem]:
    zone = content.settings.service_hours.zone
    said = "the clock was put forward that night: this time did not come"
    found = [] if wall(rehearsal.at, zone) else [located.problem(said, "at")]
    for number, turn in enumerate(rehearsal.turns):
        if turn.clock and len(turn.clock) > 5 and wall(turn.clock, zone) is None:
            found.append(located.problem(said, "turns", number, "clock"))
    return found


def _keys(rehearsal: Rehearsal, located: Located, content: Content) -> list[Problem]:
    found: list[Problem] = []
    for number, turn in enumerate(rehearsal.turns):
        for place, message in enumerate(turn.says or ()):
            for item in message:
                wrong = mistake(content, item)
                if wrong:
                    found.append(located.problem(wrong, "turns", number, "bot says", place))
    return found
