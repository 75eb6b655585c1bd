"""The shipped rehearsals: each goes as written, and together they walk every way through the flows."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.content import Content
from bot.rehearsal.model import schema
from handlers.rehearsal import Result, coverage, run_text, shown

FOLDER = Path(__file__).parents[2] / "flows" / "rehearsals"
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))
WALKERS = [name for name in FILES if not name.startswith(("calendar-", "crisis-", "hours-", "arrival-"))]


@pytest.fixture(scope="session")
def played() -> dict[str, Result]:
    """What this process has played already."""
    return {}


def play(content: Content, played: dict[str, Result], file: str) -> Result:
    if file not in played:
        text = (FOLDER / file).read_text("utf-8")
        played[file] = run_text(content, text, f"flows/rehearsals/{file}")
    return played[file]


@pytest.mark.parametrize("file", FILES)
def test_a_rehearsal_goes_as_written(content: Content, played: dict[str, Result], file: str) -> None:
    result = play(content, played, file)
    assert result.passed, "\n" + "\n".join(shown(result, content.settings.service_hours.zone))


def test_together_they_walk_every_step_and_every_way(content: Content, played: dict[str, Result]) -> None:
    missing = coverage(content, list(played.values())).missing
    for file in WALKERS:
        if not missing:
            break
        play(content, played, file)
        missing = coverage(content, list(played.values())).missing
    assert not missing, [str(edge) for edge in missing]


def test_every_flow_and_every_crisis_is_rehearsed_in_both_languages() -> None:
    for kind in ("crisis-", "calendar-"):
        names = {name.rsplit("-", 1)[0] for name in FILES if name.startswith(kind)}
        assert names
        assert {f"{name}-{language}.yaml" for name in names for language in ("nb", "en")} <= set(FILES)
    for flow in ("welcome", "menu", "intake", "find-help", "urgent", "worried", "groups", "about"):
        assert {name.rsplit("-", 1)[1] for name in FILES if name.startswith(flow)} == {"nb.yaml", "en.yaml"}


def test_the_schema_for_editors_is_that_of_the_model() -> None:
    said = "write it anew: python -c 'from bot.rehearsal.model import schema; print(schema(), end=\"\")'"
    file = FOLDER / "rehearsal.schema.json"
    assert file.read_text("utf-8") == schema(), f"{said} > flows/rehearsals/rehearsal.schema.json"
