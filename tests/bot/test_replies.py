"""Canned replies, mentions, and services in words: what `check` refuses, and what is found."""

from __future__ import annotations

import pytest

from bot.checks import check
from bot.content import REPLIES
from bot.conversation import Tier
from bot.mentions import named
from bot.replies import pieces

GOOD = """
replies:
  - id: hello
    title: {nb: Hei, en: Hello}
    text: {nb: "Hei. Ring {amk}. Det er {what}.", en: "Hi. Call {amk}. It is {what}."}
    blanks:
      - {id: what, label: {nb: hva, en: what}}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("It is {what}.", "It is.", "nb and en differ in {what}"),
        ("Ring {amk}", "Ring 113", "write the service's id in braces"),
        ("Ring {amk}", "Ring {amkk}", "unknown placeholder {amkk} (did you mean 'amk'?)"),
        ("id: what, label", "id: why, label", "unknown placeholder {what}"),
        ("id: what, label", "id: amk, label", "is filled in by itself"),
        ("title:", "titel:", "unknown key 'titel' (did you mean 'title'?)"),
        ("en: Hello}", "en: " + "x" * 61 + "}", "a title takes 60 characters"),
        ("Hei. Ring", "Hei. " + "x" * 1900 + " Ring", "one message takes 1900"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_line(old, new, said):
    from content_files import files

    found = [str(each) for each in check({**files(), REPLIES: GOOD.replace(old, new)})]
    assert any(each.startswith("flows/replies.yaml:") and said in each for each in found), found


def test_a_good_file_and_no_file_at_all_are_both_fine():
    from content_files import files

    assert check(files()) == check({**files(), REPLIES: GOOD}) == []


def test_two_replies_with_one_id_are_refused():
    from content_files import files

    twice = GOOD + GOOD.replace("\nreplies:\n", "")
    assert any("is used twice" in str(each) for each in check({**files(), REPLIES: twice}))


def test_the_shipped_ones_are_few_speak_both_languages_and_ask_directly_in_danger(content):
    everything = content.replies.offered(Tier.NONE)
    assert 12 <= len(everything) <= 20
    assert content.replies.offered(Tier.CRITICAL)[0].id == "ask_directly"
    for reply in everything:
        for language in ("nb", "en"):
            shown = pieces(reply, language, content.texts, alias="Amalie")
            assert {id for _, id in shown if id} == {blank.id for blank in reply.blanks}
            assert "!" not in reply.text.in_(language)


def test_a_preview_shows_the_label_where_a_blank_is(content):
    reply = content.replies.get("ending_soon")
    assert pieces(reply, "nb", content.texts, alias="A")[1] == ("klokkeslett", "clock")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@kari se her, @Jonas også", (1, 2)),
        ("se her @Kari Nord.", (3,)),
        ("skriv til post@kari.no", ()),
        ("@karianne", ()),
        ("ingen @ her", ()),
    ],
)
def test_an_at_and_an_alias_name_somebody(text, found):
    assert named(text, {1: "Kari", 2: "Jonas", 3: "Kari Nord"}) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ring 116 123 i kveld", ("mental_helse",)),
        ("Ring 116123", ("mental_helse",)),
        ("Ring 116\N{NO-BREAK SPACE}123.", ("mental_helse",)),
        ("nummeret 1161234 er noe annet", ()),
        ("1130 kroner", ()),
        ("ring 113 nå", ("amk",)),
    ],
)
def test_a_service_is_known_by_its_number_however_its_spaces_are_set(content, text, found):
    assert content.services.named_in(text) == found
