"""A folder with a service's files: what stands in it, what is wrong with it, and what it must pass to be published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bot.content import CONFIG, Content, extra_phrases_of, load_content
from bot.findings import errors
from bot.yaml_text import BadYamlError, Problem
from handlers.publishing import Gate

if TYPE_CHECKING:
    from bot.checks import Report

LARGEST_FILE = 4_000_000  # bytes; the danger model has one million, everything else far less


def files_of(folder: Path) -> Mapping[str, str]:
    """config.yaml, flows/ with its rehearsals, danger.extra_phrases. Raises ContentError for what cannot be read."""
    flows = folder / "flows"
    paths = [folder / "config.yaml", *sorted(flows.glob("*.yaml")), *sorted(flows.glob("rehearsals/*.yaml"))]
    files: dict[str, str] = {}
    problems: list[Problem] = []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            if path.stat().st_size > LARGEST_FILE:
                problems.append(Problem(name, 1, f"is larger than {LARGEST_FILE // 1_000_000} MB"))
                continue
            files[name] = path.read_text("utf-8")
        except UnicodeDecodeError:
            problems.append(Problem(name, 1, "is not UTF-8 text; save it as UTF-8"))
        except OSError as error:
            problems.append(Problem(name, 1, error.strerror or "cannot be read"))
    extra = extra_phrases_of(files.get(CONFIG, ""))
    if extra is not None:
        try:
            files[extra] = (folder / extra).read_text("utf-8")
        except (UnicodeDecodeError, OSError):
            said = "cannot be read; danger.extra_phrases in config.yaml names it"
            problems.append(Problem(extra, 1, said))
    if problems:
        raise BadYamlError(problems)
    return files


def content_of(folder: Path) -> Content:
    """The content in a folder. Raises ContentError with every mistake."""
    return load_content(files_of(folder))


def report_of(folder: Path) -> Report:
    """Everything that is to be said about a folder's files."""
    from bot.checks import Report, report

    try:
        return report(files_of(folder))
    except BadYamlError as error:  # a file that is no text
        return Report(findings=error.found)


def problems_of(folder: Path) -> list[Problem]:
    """Every mistake in a folder, each printable as `file:line: ...`."""
    return errors(report_of(folder).findings)


def mistakes(files: Mapping[str, str]) -> list[Problem]:
    """Every mistake in these files: the first gate before publishing."""
    from bot.checks import check

    return check(files)


def differing(files: Mapping[str, str]) -> Sequence[Problem]:
    """What the rehearsals among these files do not find as they expect it: the second gate. Seconds, once."""
    return _rehearsed(tuple(sorted(files.items())))


@lru_cache(maxsize=1)
def _rehearsed(files: tuple[tuple[str, str], ...]) -> Sequence[Problem]:
    from handlers.rehearsal import rehearse

    return [problem for each in rehearse(dict(files)) for problem in (*each.problems, *each.differences)]


# What files must pass to be published, the quickest first. The console plays the rehearsals beside its requests.
GATES: tuple[Gate, ...] = (mistakes, differing)
