"""Files as they come from people and their programs: a sentence with file and line, never a traceback."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from content_files import INTAKE, files

from bot.checks import check, report
from handlers.folder import report_of

_BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
)
_DEEP = "flow: intake\nsteps:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 300))


def _changed(old: str, new: str) -> str:
    assert old in INTAKE
    return INTAKE.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_BOMB, "1: &a0 is not allowed; write the words out in both places"),
        (_changed("save: topic", "save: &name topic"), "11: &name is not allowed"),
        (_changed("save: topic", "save: *name"), "11: *name is not allowed; write the words out"),
        (_changed("save: topic", "<<: {save: topic}"), "11: unknown key '<<'"),
        (_changed("save: topic", "save: topic\n    save: about"), "12: 'save' stands here twice (first on line 11)"),
        (_changed("    save: topic", "\tsave: topic"), "11: use spaces instead of a tab"),
        (_changed("    save: topic", "   save: topic"), "11: is not YAML: did not find expected key; look at"),
        (_changed("  words:", "words:"), "look at the spaces at the beginning"),
        (_changed('"Grief"', '"Grief'), "look at the spaces at the beginning, the quotes and the brackets"),
        (_changed("tries: 2", "tries: yes"), "12: 'tries': input should be a valid integer"),
        (_changed("tries: 2", "tries: " + "9" * 5000), "12: a number that cannot be read; write it in quotes"),
        (_changed("open: true", "open: yes"), "21: 'open' is never 'yes'; write true or false"),
        (_changed('nb: "Noe praktisk"', "nb: 12"), "9: 'nb': write the number in quotes, as text"),
        (_changed('nb: "Noe praktisk"', "nb: yes"), ""),
        (_changed("id: loss", "id: no"), "'topic' is never 'loss'"),
        ("flow: intake\nstart: a\nsteps: [a, b]\n", "3: 'steps' must be a mapping"),
        ("- a\n- b\n", "1: must be a mapping: lines of `key: value`"),
        (_changed("set: {for_whom: me}", "set: [for_whom]"), "9: 'set' must be a mapping"),
        ("flow: intake\nstart: a\nsteps:\n  a:\n", "4: 'a' must be a mapping with after, call, choices"),
        (_DEEP, "is nested too deeply"),
        ("a: " + "[" * 100_000, "1: is nested too deeply"),
        (_changed('"Grief"', '"Gr\0ief"'), "10: is not YAML: a character that is not allowed here"),
        (_changed("Sorg på", "Sorg p\u00c3\u00a5"), "10: '\u00c3\u00a5' is no letter of ours; write å and save"),
        (_changed("Sorg på", "Sorg p\ufffd"), "10: '\ufffd' is no letter of ours"),
        (INTAKE + "\n" + "# no end\n" * 600_000, "1: is larger than 1 MB"),
        ("a: [" + "1, " * 30_000 + "1]", "1: holds more than 20,000 values"),
        (INTAKE.replace("\n", "\r\n"), ""),
        ("\ufeff" + INTAKE.lstrip(), ""),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_meant_is_told_with_its_line(text: str, said: str) -> None:
    found = check(files(intake=text))
    shown = [str(each) for each in found if each.file == "flows/intake.yaml"]
    if said:
        assert any(said in each for each in shown), shown
        assert all(len(each) < 400 for each in shown)
    else:
        assert shown == []


def test_a_file_made_to_fill_the_memory_does_not() -> None:
    check(files())  # what every check loads is loaded
    tracemalloc.start()
    for text in (_BOMB, "a: " + "[" * 100_000, "a: [" + "1, " * 300_000 + "1]", "# no end\n" * 600_000):
        check(files(intake=text))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000


_WRONG_SHAPES = (
    *("- a", "hello", "", "a: [1", "\0", "x: &a 1", "a:\n - b\n  - c"),
    "flow: {}\nservices: {}\nwords: []\nrules: {}\npage: []\nsteps: 1",
    "services: [1, null, x]\nrules: [1, null]\nshifts: 3\ntogether: x\nnever: {a: b}\nclosed: [1]\nhelp: 3\n"
    "service_hours: {weekly: [1]}\npage: {name: [x]}",
)


@pytest.mark.parametrize("name", ["config", "texts", "services", "risk_phrases", "welcome", "menu"])
def test_a_file_of_the_wrong_shape_is_told_and_the_others_are_still_read(name: str) -> None:
    for text in _WRONG_SHAPES:
        found = report(files(**{name: text})).findings
        assert any(each.file.endswith(f"{name}.yaml") for each in found), text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (INTAKE.encode("utf-16"), "flows/intake.yaml:1: is not UTF-8 text; save it as UTF-8"),
        (INTAKE.encode("latin-1"), "flows/intake.yaml:1: is not UTF-8 text; save it as UTF-8"),
        (b"\xff\xfe\x00\x00" * 10, "flows/intake.yaml:1: is not UTF-8 text; save it as UTF-8"),
        (b"# \xc3\xa5\n" * 1_000_000, "flows/intake.yaml:1: is larger than 4 MB"),
        (None, "flows/intake.yaml:1: Is a directory"),
    ],
)
def test_a_file_that_is_no_text_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    (tmp_path / "flows").mkdir()
    for name, text in files().items():
        (tmp_path / name).write_text(text, "utf-8")
    path = tmp_path / "flows" / "intake.yaml"
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert [str(each) for each in report_of(tmp_path).findings] == [said]
