from __future__ import annotations

import pytest
from content_files import files, texts

from bot.checks import check
from bot.content import load_content
from bot.settings import Words


def _said(text: str) -> list[str]:
    return [str(each) for each in check(files(texts=text))]


def test_a_text_is_said_in_one_language_and_in_both_while_none_is_known() -> None:
    say = load_content(files()).texts.say
    assert say("queue.place", "en", ahead="2") == "en place 2"
    assert say("queue.place", None, ahead="2") == "nb place 2\n\nen place 2"


def test_a_field_may_have_its_own_words_in_each_language() -> None:
    say = load_content(files()).texts.say
    both = Words(nb="mandag kl. 09", en="Monday at 9:00")
    assert say("closed.short", None, next_open=both) == "nb short mandag kl. 09\n\nen short Monday at 9:00"
    assert say("closed.short", "en", next_open=lambda each: f"({each})") == "en short (en)"


def test_page_and_services_are_filled_in_by_themselves() -> None:
    text = texts().replace("nb left", "nb {page_name} {mental_helse} {privacy_url}", 1)
    text = text.replace("en left", "en {page_name} {mental_helse} {privacy_url}", 1)
    content = load_content(files(texts=text))
    assert content.texts.say("queue.left", "nb") == (
        "nb Test Page 116\N{NO-BREAK SPACE}123 https://example.org/privacy"
    )
    assert check(files(texts=text)) == []


def test_a_title_is_in_bokmal_while_no_language_is_known() -> None:
    title = load_content(files()).texts.title
    assert (title("skip_button", None), title("skip_button", "en")) == ("nb skip", "en skip")


def test_an_unknown_key_or_field_is_a_mistake_of_the_code() -> None:
    say = load_content(files()).texts.say
    with pytest.raises(KeyError):
        say("queue.plaice", "nb")
    with pytest.raises(KeyError):
        say("queue.place", "nb")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"place"', '"plaice"', "unknown text 'queue.plaice' (did you mean 'queue.place'?)"),
        ('"place"', '"plaice"', "the text 'queue.place' is missing"),
        ("en place {ahead}", "en place {ahed}", "en: unknown placeholder {ahed} (did you mean 'ahead'?)"),
        ("nb medical", "ring 116 117", "instead of the number 116 117"),
        ("nb medical", "ring 22 40 00 40 nå", "instead of the number 22 40 00 40"),
        ("nb medical", "ring 113.", "instead of the number 113"),
        ("nb medical", "{amk", "a brace without its partner"),
        ("nb medical", "x" * 1900, "one message takes 1900"),
        ("nb skip", "x" * 21, "21 characters; a button takes 20"),
        ('"nb": "nb medical",', "", "'card.medical': 'nb' is missing"),
        ('"nb": "nb medical",', '"nn": "x", "nb": "x",', "'card.medical': unknown key 'nn'"),
        ('"nb medical"', '""', "'card.medical': 'nb' is empty"),
        ('"nb medical"', '"  "', "nb is empty"),
        ('"nb medical"', "5", "'card.medical': 'nb' must be text"),
    ],
)
def test_a_mistake_in_a_text_is_told_with_its_line(old: str, new: str, said: str) -> None:
    right = texts()
    assert old in right
    found = [each for each in _said(right.replace(old, new, 1)) if said in each]
    assert found
    assert found[0].startswith("flows/texts.yaml:")


def test_years_times_and_addresses_without_three_digits_in_a_row_are_no_phone_numbers() -> None:
    assert _said(texts().replace("nb medical", "kl. 09-20, 24 timer, https://x.no/12345, a1@b.no", 1)) == []
