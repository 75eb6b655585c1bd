"""What is wrong with risk phrases: what cannot be read, names that mean nothing, sentences that are read wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from bot.conversation import Tier
from bot.risk import Finding, Phrases, RiskFile, merged
from bot.risk_pattern import Lists, parse
from bot.risk_shifts import Texts
from bot.yaml_text import Located, Path, Problem, near

_Fault = tuple[str, Path]  # the sentence, and where in the file it belongs


def risk_problems(located: Located, file: RiskFile, base: RiskFile | None = None) -> list[Problem]:
    """Phrases that cannot be read, names that mean nothing, and sentences that are read wrongly.

    `base`: the file that this one adds to. Only this one's mistakes are told, but it may use what stands there,
    and what must mean nothing there must mean nothing with both.
    """
    faults = _faults(
        file.model_dump_json(by_alias=True), base.model_dump_json(by_alias=True) if base else None
    )
    return [located.problem(said, *path) for said, path in faults]


@lru_cache(maxsize=4)
def _faults(written: str, below: str | None) -> tuple[_Fault, ...]:
    """What is wrong, and where it stands. Kept, by the files' values: reading thousands of phrases and sentences
    takes a second, and most checks come after a change somewhere else."""
    file = RiskFile.model_validate_json(written)
    base = RiskFile.model_validate_json(below) if below else None
    whole = merged(base, file) if base else file
    return (*_form(file, whole.lists), *_names(file, base)) or tuple(_misread(file, base, Phrases(whole)))


def _misread(file: RiskFile, base: RiskFile | None, phrases: Phrases) -> list[_Fault]:
    found: list[_Fault] = []
    for sentence in base.never if base else ():
        got = phrases.read(sentence)
        if got is not None:
            found.append((f"{sentence!r} must mean nothing, but is {_shown(got)}", ("rules",)))
    for number, rule in enumerate(file.rules):
        rank = Tier(rule.tier).rank
        if not rule.hits and not rule.hint:
            found.append((f"{rule.id}: 'hits' is missing", ("rules", number)))
        for index, sentence in enumerate(rule.hits):
            got = phrases.read(sentence)
            if got is None or got.tier.rank < rank:
                said = f"{rule.id}: this sentence must be {rule.tier}, but is {_shown(got)}"
                found.append((said, ("rules", number, "hits", index)))
        for index, sentence in enumerate(rule.misses):
            got = phrases.read(sentence)
            if got is not None and got.tier.rank >= rank:
                said = f"{rule.id}: this sentence must be below {rule.tier}, but is {_shown(got)}"
                found.append((said, ("rules", number, "misses", index)))
    for index, sentence in enumerate(file.never):
        got = phrases.read(sentence)
        if got is not None:
            found.append((f"this sentence must mean nothing, but is {_shown(got)}", ("never", index)))
    return found


def _shown(finding: Finding | None) -> str:
    return f"{finding.tier} by {finding.rule}" if finding else "none"


def _form(file: RiskFile, lists: Lists) -> Iterator[_Fault]:
    listed: list[tuple[str, int, str, dict[str, Texts]]] = [
        (
            "rules",
            number,
            rule.id,
            {"nb": rule.nb, "en": rule.en, "except": rule.except_, "unless": rule.unless},
        )
        for number, rule in enumerate(file.rules)
    ]
    listed += [
        ("shifts", number, shift.id, {"nb": shift.nb, "en": shift.en, "unless": shift.unless})
        for number, shift in enumerate(file.shifts)
    ]
    for name, phrases_of in (("taken_back", file.taken_back), ("explains", file.explains)):
        for index, phrase in enumerate(phrases_of):
            try:
                parse(phrase, lists)
            except ValueError as error:
                yield f"{name}: {error}", (name, index)
    for section, number, id, phrases in listed:
        for index, phrase in enumerate(phrases.get("except", ())):
            if _open_ended(phrase):
                said = (
                    f"{id}: {phrase!r}: an exception that begins or ends with (...) excepts the phrase itself"
                )
                yield said, (section, number, "except", index)
        for key, index, phrase in ((k, i, p) for k, each in phrases.items() for i, p in enumerate(each)):
            try:
                parse(phrase, lists)
            except ValueError as error:
                yield f"{id}: {error}", (section, number, key, index)
        if not phrases["nb"] and not phrases["en"]:
            yield f"{id}: has no phrases", (section, number)


def _open_ended(phrase: str) -> bool:
    """Whether a word that may be missing stands at either end, where it says nothing."""
    words = phrase.split()
    return bool(words) and any(each.startswith("(") and each.endswith(")") for each in (words[0], words[-1]))


def _names(file: RiskFile, base: RiskFile | None) -> Iterator[_Fault]:
    ids = [("rules", n, each.id) for n, each in enumerate(file.rules)]
    ids += [("shifts", n, each.id) for n, each in enumerate(file.shifts)]
    ids += [("together", n, each.id) for n, each in enumerate(file.together)]
    seen: set[str] = set()
    if base:
        seen = {*(r.id for r in base.rules), *(s.id for s in base.shifts), *(t.id for t in base.together)}
        taken = [("words", name) for name in file.words if name in base.words]
        taken += [("groups", name) for name in file.groups if name in base.groups]
        for kind, name in taken:
            yield f"the list {name!r} stands in the other file already", (kind, name)
    for section, number, id in ids:
        if id in seen:
            yield f"the id {id!r} is used twice", (section, number, "id")
        seen.add(id)
    letters = set("ABCDEFGHIJKLMNO")
    known = {rule.id for rule in (*file.rules, *(base.rules if base else ()))} | letters
    wanted = [("rules", n, "with", rule.with_, known) for n, rule in enumerate(file.rules)]
    wanted += [("together", n, "of", each.of, known) for n, each in enumerate(file.together)]
    wanted += [("shifts", n, "categories", each.categories, letters) for n, each in enumerate(file.shifts)]
    for section, number, key, names, allowed in wanted:
        for name in names:
            if name not in allowed:
                yield f"unknown {name!r}{near(name, allowed)}", (section, number, key)
