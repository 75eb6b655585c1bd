"""Reading a rehearsal: every mistake is a sentence with its place."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.content import Content
from bot.rehearsal.model import days, span, wall
from bot.rehearsal.read import Script, is_rehearsal, read_script
from bot.rehearsal.wording import is_said, mistake, name_of

OSLO = ZoneInfo("Europe/Oslo")
FILE = "flows/rehearsals/x.yaml"
TOP = "name: x\nat: 2026-11-25 12:00\nturns:\n"


def mistakes(content: Content, text: str) -> list[str]:
    found = read_script(text, FILE, content)
    return [] if isinstance(found, Script) else [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            TOP + "  - student wrtes: hei\n",
            ":4: unknown key 'student wrtes' (did you mean 'student writes'?)",
        ),
        (TOP + "  - bot says: hei\n", ":4: 'turns': each turn needs one act, and this has none"),
        (TOP + "  - {student writes: hei, silence: 2 hours}\n", "this has 'student writes' and 'silence'"),
        (
            TOP + "  - student writes: hei\n    bot says: queue.frist\n",
            ":5: there is no text or step 'queue.frist'",
        ),
        (TOP + "  - student writes: hei\n    bot says: intake.topik\n", "(did you mean 'intake.topic'?)"),
        (TOP + "  - silence: 30\n", ":4: 'silence': write how long as 30 minutes"),
        (TOP + "  - clock: 25:00\n", ":4: 'clock': there is no such day or time"),
        (TOP + "  - clock: 2027-03-28 02:30\n", ":4: the clock was put forward that night"),
        (
            TOP + "  - {student writes: hei, alert: terrible}\n",
            "write no, or a tier (elevated, high, critical)",
        ),
        (TOP + "  - {student writes: hei, refused: taken}\n", "refused belongs to what a supporter does"),
        (TOP + "  - {student writes: 113}\n", ":4: 'student writes': write the number in quotes"),
        (TOP + "  - {student sends: sticer}\n", "(did you mean 'sticker'?)"),
        (
            "name: x\nat: wednesday\nturns: [{silence: 1 hour}]\n",
            ":2: 'at': write the time as 2027-03-24 19:58",
        ),
        ("name: x\nat: 2027-03-28 02:30\nturns: [{silence: 1 hour}]\n", ":2: the clock was put forward"),
        ("name: x\nturns: []\n", "'at' is missing"),
        (TOP + "  - silence: 99999 days\n", ":4: 'silence': at most 100 days at a time"),
        (TOP.replace("2026", "9026") + "  - silence: 1 day\n", ":2: 'at': write a year of this century"),
        (TOP + "  - student writes at once: []\n", "1 to 20 messages arrive at once, not 0"),
        (TOP + "  - silence: 1 day\n" * 201, "more than 200 turns"),
        ("name: x\nat: 2026-11-25 12:00\nturns: []\n", ":3: 'turns': there is nothing to play"),
        (
            TOP.replace("turns", "also closed: 2027-07-05\nturns") + "  - silence: 1 hour\n",
            "write the days as",
        ),
        ("turns: &a [*a]\n", "is not allowed"),
        (TOP + "\t- silence: 1 hour\n", ":4: use spaces instead of a tab"),
    ],
)
def test_a_mistake_is_a_sentence_with_its_place(content: Content, text: str, said: str) -> None:
    found = "\n".join(mistakes(content, text))
    assert said in found
    assert found.startswith(FILE + ":")


def test_a_bare_yes_and_no_say_who_is_on_duty(content: Content) -> None:
    for written, names in (("yes", ("Amalie",)), ("no", ()), ("[Marte, Amalie]", ("Marte", "Amalie"))):
        script = read_script(
            TOP.replace("turns", f"on duty: {written}\nturns") + "  - silence: 1 hour\n", FILE, content
        )
        assert isinstance(script, Script) and script.rehearsal.duty == names


def test_what_has_a_point_and_is_near_no_key_is_words(content: Content) -> None:
    assert mistake(content, "kl.09") is None
    assert mistake(content, "menu.choose.otherwise") is None


def test_a_key_means_its_text_with_anything_filled_in(content: Content) -> None:
    text = content.texts.say("queue.place", "nb", ahead="7")
    assert is_said(content, "queue.place", text, "nb") and not is_said(content, "queue.place", text, "en")
    assert is_said(content, "omtrent 7", text, "nb") and not is_said(content, "omtrent 8", text, "nb")
    assert name_of(content, text, "nb") == "queue.place"


def test_the_hour_that_comes_twice_is_the_first_until_that_is_over() -> None:
    first = wall("2027-10-31 02:30", OSLO)
    assert first == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert wall("2027-10-31 02:30", OSLO, datetime(2027, 10, 31, 0, 40, tzinfo=UTC)) == datetime(
        2027, 10, 31, 1, 30, tzinfo=UTC
    )
    assert wall("2027-03-28 02:30", OSLO) is None


def test_spans_and_days_are_read() -> None:
    assert span("3 days").days == 3 and span("1 minute").seconds == 60
    assert (days("2027-07-05 to 2027-08-08")[1] - days("2027-07-05 to 2027-08-08")[0]).days == 34


def test_a_rehearsal_is_known_by_its_folder() -> None:
    assert is_rehearsal(FILE) and not is_rehearsal("flows/menu.yaml")
