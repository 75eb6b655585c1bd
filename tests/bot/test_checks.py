from __future__ import annotations

import pytest
from content_files import CONFIG, INTAKE, MENU, RISK, WELCOME, files

from bot.checks import check
from bot.content import load_content
from bot.errors import ContentError


def _said(**changed: str) -> list[str]:
    return [str(each) for each in check(files(**changed))]


def test_correct_content_has_no_problems() -> None:
    assert _said() == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "goto: words}",
            "goto: wrods}",
            "step 'topic' jumps to unknown step 'wrods' (did you mean 'words'?)",
        ),
        ("start: topic", "start: topci", "3: start names the unknown step 'topci' (did you mean 'topic'?)"),
        (
            "    goto: route\n  route",
            "    gotoo: route\n  route",
            "unknown key 'gotoo' (did you mean 'goto'?)",
        ),
        ("    optional: true\n    goto: route\n", "", "step 'words' leads nowhere"),
        ("goto: numbers,", "gote: numbers,", "unknown key 'gote' (did you mean 'goto'?)"),
        ('en: "How I feel", ', "", "'en' is missing"),
        ('"How I feel"', '"How I have been feeling"', "23 characters; a button takes 20"),
        ("id: loss", "id: practical", "are both called 'practical' when typed"),
        ('"Grief"', '"noe PRAKTISK"', "are both called 'noe PRAKTISK' when typed"),
        ("services: [amk,", "services: [akm,", "unknown service 'akm' (did you mean 'amk'?)"),
        ("Ring {mental_helse}", "Ring {mental_hels}", "unknown placeholder {mental_hels}"),
        ("Ring {mental_helse}", "Ring 116 123", "nb: write the service's id in braces"),
        ("Ring {mental_helse}", "x" * 2000, "one message takes 1900"),
        ("Velg en knapp", "x" * 2000, "one message takes 1900"),
        ("{open: true, topic", "{opne: true, topic", "nothing is saved as 'opne' (did you mean 'open'?)"),
        ("[emotional, loss]", "[emotional, los]", "'topic' is never 'los' (did you mean 'loss'?)"),
        ("{language: en}", "{language: no}", "'language' is never 'no'"),
        ("for_whom: me", "safe: maybe", "'safe' takes yes, no, unsure, not 'maybe'"),
        ("write: about", "write: safe", "'safe' takes yes, no, unsure, no free text"),
        ("save: topic", "save: open", "'open' cannot be saved"),
        ("goto: menu\n", "goto: route\n", "step 'route' goes round in a circle that never waits: route"),
        (
            "goto: menu\n",
            "call: intakes\n    goto: menu\n",
            "calls unknown flow 'intakes' (did you mean 'intake'?)",
        ),
        ("  numbers:", "  lost: {goto: end}\n  numbers:", "no step leads to 'lost'"),
        ("  numbers:", "  end: {goto: back}\n  numbers:", "'end' is a built-in place"),
        ("minutes: 60", "minutes: 0", "'minutes': input should be greater than or equal to 1"),
        ("    optional: true", "    save: x", "save belongs to choices"),
        ('nb: "Noe praktisk"', 'nb: "Hjelp!"', "'Hjelp!' is a word that always works"),
        ('nb: "Noe praktisk"', 'nb: "Meny"', ""),
        ('en: "Grief"', 'en: "English"', "'English' is a word that always works"),
        ("id: loss", "id: stop", "'stop' is a word that always works"),
        ('nb: "Noe praktisk"', 'nb: "Slett"', "'Slett' is a word that always works"),
        ('nb: "Noe praktisk"', 'nb: "{amk}"', "takes no placeholders"),
        ('nb: "Noe praktisk"', 'nb: "Vil bare dø"', "'Vil bare dø', typed, is read as danger (high)"),
        ('en: "Grief"', 'en: "I will kill myself"', "'I will kill myself', typed, is read as danger (high)"),
    ],
)
def test_a_mistake_in_a_flow_is_told_with_its_line(old: str, new: str, said: str) -> None:
    assert old in INTAKE
    found = [
        each for each in _said(intake=INTAKE.replace(old, new, 1)) if each.startswith("flows/intake.yaml:")
    ]
    if said:
        assert any(said in each for each in found), found
    else:
        assert found == []


def test_the_line_is_that_of_the_jump() -> None:
    text = INTAKE.replace("goto: end}", "goto: edn}")
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "goto: edn}" in each)
    assert (
        f"flows/intake.yaml:{line}: step 'topic' jumps to unknown step 'edn' (did you mean 'end'?)"
        in _said(intake=text)
    )


def test_more_than_thirteen_choices_do_not_fit() -> None:
    more = "\n".join(
        f'      - {{id: c{n}, nb: "Valg x{n}y", en: "Pick x{n}y", goto: words}}' for n in range(11)
    )
    text = INTAKE.replace("    save: topic", f"{more}\n    save: topic")
    assert any("has 14 choices; 13 is the most" in each for each in _said(intake=text))


def test_a_circle_through_another_flow_is_seen() -> None:
    text = "flow: other\nstart: a\nsteps:\n  a: {set: {x: y}, goto: back}\n"
    menu = MENU.replace("    call: intake\n    goto: people", "    call: other\n    goto: more")
    assert any("'more' goes round in a circle" in each for each in _said(other=text, menu=menu))
    again = "flow: other\nstart: a\nsteps:\n  a: {call: other, goto: end}\n"
    assert any("'a' goes round in a circle" in each for each in _said(other=again, menu=menu))
    loop = MENU.replace("start: choose", "start: top").replace("steps:", "steps:\n  top: {goto: menu}")
    assert any("'top' goes round in a circle" in each for each in _said(menu=loop))


def test_a_circle_in_which_a_step_waits_is_fine() -> None:
    menu = MENU.replace("    call: intake\n    goto: people", "    call: intake\n    goto: choose")
    assert _said(menu=menu) == []


def test_more_than_fifty_steps_in_one_go_are_too_many() -> None:
    chain = "\n".join(f"  s{n}: {{set: {{a: b}}, goto: s{n + 1}}}" for n in range(60))
    text = f"flow: intake\nstart: s0\nsteps:\n{chain}\n  s60: {{goto: end}}\n"
    assert any("61 steps may follow without waiting" in each for each in _said(intake=text))


def test_a_flow_that_nobody_calls_is_told() -> None:
    text = "flow: alone\nstart: a\nsteps:\n  a: {goto: end}\n"
    assert _said(alone=text) == ["flows/alone.yaml:1: no step calls the flow 'alone'"]


def test_two_files_cannot_hold_one_flow_and_welcome_and_menu_must_be_there() -> None:
    assert "flows/x.yaml:1: the flow 'menu' is also in flows/menu.yaml" in _said(x=MENU.lstrip())
    assert any(
        "there is no flow named 'welcome'" in each for each in _said(welcome=INTAKE.replace("intake", "w"))
    )


def test_norsk_and_english_choose_the_language_or_nothing() -> None:
    assert any(
        "'Norsk' is a word" in each for each in _said(welcome=WELCOME.replace("save: language", "save: x"))
    )


def test_all_mistakes_of_all_files_come_at_once_sorted() -> None:
    broken = files(
        config=CONFIG.replace("page:", "pgae:"),
        menu=MENU.replace("goto: erase", "goto: erse"),
        intake="a: [",
        risk_phrases=RISK.replace("id: C-burden", "id: C-no-more"),
    )
    said = [str(each) for each in check(broken)]
    assert said == sorted(said, key=lambda each: (each.split(":")[0], int(each.split(":")[1])))
    assert {each.split(":")[0] for each in said} == {
        "config.yaml",
        "flows/intake.yaml",
        "flows/menu.yaml",
        "flows/risk_phrases.yaml",
    }
    with pytest.raises(ContentError) as refused:
        load_content(broken)
    assert len({each.split(":")[0] for each in refused.value.problems}) >= 2


def test_a_missing_file_is_told_and_nothing_starts() -> None:
    given = files()
    del given["flows/services.yaml"]
    assert [str(each) for each in check(given)] == ["flows/services.yaml:1: the file is missing"]
    with pytest.raises(ContentError, match="the file is missing"):
        load_content(given)
    assert check({}) != []


def test_hours_that_never_open_are_told_with_their_line() -> None:
    text = CONFIG.replace('{monday: ["09:00-20:00"], friday: ["09:00-15:00"]}', "{}")
    assert any(each.startswith("config.yaml:4: no weekday has hours") for each in _said(config=text))


def test_other_files_beside_the_flows_are_left_alone() -> None:
    more = {"flows/README.md": "a:\tb", "flows/rehearsals/one.yaml": "x: [", "flows/flow.schema.json": "{}"}
    assert check(files() | more) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('hits: ["Jeg vil ta livet mitt"', 'hits: ["hei"', "B-take-life: this sentence must be high, but is none"),
        ("vil bare dø av latter\"]", "jeg vil dø\"]", "must be below high, but is high by B-take-life"),
        ('never: ["Hei, ', 'never: ["orker ikke mer, ', "must mean nothing, but is elevated by C-no-more"),
        ('"til byrde"', '"til |byrde"', "a word is missing beside |"),
        ('"til byrde"', '"til <who>"', "there is no list 'who' under words"),
        ('"til byrde"', '"til byr~"', "too short for a typo"),
        ('"til byrde"', '"til b*"', "too short for an open ending"),
        ('hits: ["er bare til byrde"]', 'hits: [til byrde]\n    except: [til byrde (for)]', "excepts the phrase"),
        ('"til byrde"', '"..."', "needs at least one word"),
        ("with: [B, C]", "with: [B-take-lif]", "unknown 'B-take-lif' (did you mean 'B-take-life'?)"),
        ("id: C-twice", "id: C-burden", "the id 'C-burden' is used twice"),
        ("tier: critical", "tier: ciritcal", "(did you mean 'critical'?)"),
        ("category: A-attempt", "category: attempt", "'category'"),
        ('    hits: ["er bare til byrde"]\n', "", "'hits' is missing"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_phrases_is_told_with_its_line(old: str, new: str, said: str) -> None:
    assert old in RISK
    found = [each for each in _said(risk_phrases=RISK.replace(old, new, 1)) if said in each]
    assert found
    assert found[0].startswith("flows/risk_phrases.yaml:")
    assert not found[0].startswith("flows/risk_phrases.yaml:1:")
