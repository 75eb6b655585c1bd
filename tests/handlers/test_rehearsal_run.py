"""Playing rehearsals: on unsaved content too, with the conversation shown and the difference marked."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from talk_support import content_files

from bot.content import Content
from bot.flow.edges import Edge
from bot.settings import Words
from bot.texts import Texts
from handlers.rehearsal import Result, coverage, rehearse, rehearse_on, run_text, shown, table

FILE = "flows/rehearsals/x.yaml"
GUIDE = Path(__file__).parents[2] / "docs" / "coordinators.md"


def play(content: Content, turns: str, top: str = "") -> Result:
    return run_text(content, f"name: x\nat: 2026-11-25 12:00\n{top}turns:\n{turns}", FILE)


def said(result: Result) -> list[str]:
    return [f"{each.line}: {each.text}" for each in result.differences]


def test_the_example_in_the_guide_goes_as_written(content: Content) -> None:
    (example,) = re.findall(
        r"```yaml\n(# yaml-language-server.*?turns:.*?)```", GUIDE.read_text("utf-8"), re.S
    )
    assert said(run_text(content, example, FILE)) == []


def test_a_difference_stands_below_what_it_is_about_and_names_the_line(content: Content) -> None:
    turns = "  - student writes: hei på dere\n  - student writes: prate\n    bot says: queue.first\n    queue: 2\n"
    result = play(content, turns, "on duty: no\n")
    assert said(result) == [
        "6: expected: queue.first; message 1 is another",
        "6: expected place in the queue: 2; it is 1",
    ]
    text = list(shown(result, content.settings.service_hours.zone))
    mark = text.index(">>> expected: queue.first; message 1 is another")
    assert "  student:    prate" in "\n".join(text[:mark]) and "ingen ledige" in "\n".join(text[:mark])


def test_too_little_and_too_much_are_differences(content: Content) -> None:
    found = play(
        content, "  - student writes: hei på dere\n    bot says: [welcome.notice, menu.choose, menu.more]\n"
    )
    assert said(found) == ["4: expected: menu.more; nothing more is said"]
    found = play(content, "  - student writes: hei på dere\n    bot says: nothing\n")
    assert [line.split(";")[1] for line in said(found)] == [
        " this is said, too: " + first
        for first in (
            "Hei, fint at du skriver. Jeg er boten til Peer Support Oslo.",
            "Hva trenger du? Velg en knapp, eller bare skriv.",
        )
    ]


def test_a_button_that_is_not_there_ends_it_with_those_that_are(content: Content) -> None:
    turns = (
        "  - student presses: get started\n  - student taps: Fisk\n  - silence: 1 hour\n    status: claimed\n"
    )
    assert said(play(content, turns)) == [
        "5: there is no button «Fisk» under the last message; there: «Norsk», «English»"
    ]


def test_every_expectation_can_fail(content: Content) -> None:
    turns = """\
  - student writes: jeg vil ta livet mitt
    buttons: none
    status: bot
    tier: none
    alert: no
  - supporter: closes
  - supporter: claims
    refused: taken
"""
    assert said(play(content, turns)) == [
        "4: expected buttons: none; there: Ja, Nei",
        "4: expected status: bot; it is waiting",
        "4: expected tier: none; it is high",
        "4: expected alert: no; there is high B-suicidal",
        "9: expected: this is possible; it is refused: not possible",
        "10: expected: refused, taken; it is not refused",
    ]


def test_what_a_supporter_may_not_send_is_shown_as_not_sent(content: Content) -> None:
    turns = "  - student writes: hei på dere\n  - student writes: prate\n  - supporter: claims\n"
    turns += "  - student writes: pause\n  - supporter writes: er du der\n    refused: may not be safe\n"
    result = play(content, turns)
    assert result.passed and result.lines[-1].text == "(not possible: may not be safe) er du der"


def test_acts_that_cannot_be_done_are_sentences(content: Content) -> None:
    assert "not written anything" in said(play(content, "  - student edits: hei\n"))[0]
    assert "has not written this" in said(play(content, "  - student unsends: hei\n"))[0]
    assert "nothing of the student's" in said(play(content, "  - delivered again: latest\n"))[0]
    assert "not written yet" in said(play(content, "  - supporter: claims\n"))[0]
    assert (
        "the clock only goes forward; it is 2026-11-25 12:00" in said(play(content, "  - clock: 11:00\n"))[0]
    )


def test_the_clock_can_be_put_to_the_second_of_the_hours_that_come_twice(content: Content) -> None:
    turns = "  - clock: 02:30\n  - silence: 10 minutes\n  - clock: 02:30\n  - clock: 03:00\n"
    result = run_text(content, f"name: x\nat: 2027-10-31 01:50\nturns:\n{turns}", FILE)
    times = [line.at for line in result.lines]
    assert [int((b - a).total_seconds() / 60) for a, b in pairwise(times)] == [
        40,
        10,
        50,
        30,
    ]


def test_others_who_wait_are_ahead_and_are_not_heard(content: Content) -> None:
    turns = "  - student writes: hei på dere\n  - student writes: prate\n"
    turns += "    bot says: [[queue.place, '2']]\n    queue: 3\n"
    assert said(play(content, turns, "already waiting: 2\n")) == []


def test_unsaved_content_is_rehearsed_and_nothing_else(content: Content) -> None:
    """The text has changed and its key still holds; the flow has changed, and that is seen."""
    files = content_files()
    files["flows/about.yaml"] = files["flows/about.yaml"].replace("goto: confidential}", "goto: meet}")
    files["flows/groups.yaml"] = files["flows/groups.yaml"].replace("Hva frister?", "Hva vil du?")
    turns = "  - student writes: hei på dere\n  - student taps: Om Peer Support\n  - student taps: Taushetsplikt\n"
    top = "name: x\nat: 2026-11-25 12:00\nturns:\n"
    files[FILE] = f"{top}{turns}    bot says: about.confidential\n"
    files["flows/rehearsals/y.yaml"] = f"{top}{turns}    bot says: [[groups.what, Hva vil du]]\n"
    # The step is not led to any more, which is for `check` to say; it still stands in the file.
    one, two = rehearse(files)
    assert said(one) == ["6: expected: about.confidential; message 1 is another"]
    assert two.passed


def test_content_on_which_the_service_fails_is_a_difference_and_no_crash(content: Content) -> None:
    words = {**content.texts.words, "person.here": Words(nb="{fisk}", en="{fish}")}
    broken = replace(content, texts=Texts(words, content.settings.page, content.services))
    turns = "  - student writes: hei på dere\n  - student writes: prate\n  - supporter: claims\n"
    assert said(play(broken, turns)) == [
        "6: the service fails here (KeyError); `peersupport check` says what is wrong"
    ]


def test_some_of_the_files_can_be_played(content: Content) -> None:
    files = {FILE: "name: [", "flows/rehearsals/y.yaml": "name: [", "flows/menu.yaml": ""}
    assert [result.file for result in rehearse_on(content, files, frozenset({FILE}))] == [FILE]
    assert len(rehearse_on(content, files)) == 2


def test_a_file_that_cannot_be_read_is_a_result_with_problems(content: Content) -> None:
    result = run_text(content, "name: [", FILE)
    assert not result.passed and str(result.problems[0]).startswith(f"{FILE}:2: is not YAML")


def test_coverage_counts_each_way_and_names_what_is_missing(content: Content) -> None:
    found = coverage(
        content, [play(content, "  - student writes: hei på dere\n  - student taps: Akutt hjelp\n")]
    )
    assert found.counts[Edge("menu", "choose", "choice:urgent")] == 1
    assert Edge("menu", "choose", "choice:talk") in found.missing
    data = found.as_json()
    assert data["flows"]["menu"]["choose"]["choice:urgent"] == 1 and data["ways"] - data["walked"] == len(
        data["missing"]
    )
    text = "\n".join(table(found))
    assert (
        re.search(r"^urgent_help +2 of 4 +1 of 15$", text, re.M)
        and "no rehearsal walks: menu.choose choice talk" in text
    )
