"""Notices words that may mean danger to life or health, and says which ones. Format: flows/risk_phrases.yaml.

The fixed interface is `Phrases.read`. No model, no network: a message takes about a millisecond, its time
grows with its length, and every finding names the rule and the words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated, Literal

from pydantic import Field

from bot.conversation import Tier
from bot.risk_pattern import Index, Pattern, Span, parse
from bot.risk_shifts import RuleId, Shift, Shifts, Texts
from bot.risk_words import Reading, Vocabulary, read
from bot.settings import Model
from bot.yaml_text import Located, Problem, near

Language = Literal["nb", "en"]
_TIERS = list(Tier)
_QUOTES = 10  # places that one finding quotes
_KEYS: tuple[Language, ...] = ("nb", "en")

Category = Annotated[str, Field(pattern=r"^[A-O]-[a-z][a-z-]*$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a message may mean. `rule` is an id and may be logged; `matched` are the contact's words and may not."""

    tier: Tier
    category: str
    rule: str
    matched: tuple[str, ...]
    language: str | None  # of the phrase that matched, nb or en; None where no phrase did


class Rule(Model):
    """Phrases that mean the same, and sentences that prove it."""

    id: RuleId
    category: Category
    tier: Literal["critical", "high", "elevated"]
    nb: Texts = ()
    en: Texts = ()
    except_: Texts = Field(default=(), alias="except")
    with_: tuple[str, ...] = Field(default=(), alias="with")
    firm: bool = False
    hits: Annotated[Texts, Field(min_length=1)]
    misses: Texts = ()


class Together(Model):
    """Several different rules that mean more than each alone."""

    id: RuleId
    of: tuple[str, ...] = Field(min_length=1)
    count: int = Field(default=2, ge=2, le=10)
    category: Category
    tier: Literal["critical", "high", "elevated"]


class RiskFile(Model):
    """risk_phrases.yaml."""

    version: int = 1
    words: dict[str, Texts] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = Field(min_length=1)
    shifts: tuple[Shift, ...] = ()
    together: tuple[Together, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Hit:
    rule: int  # index in the file
    language: Language
    span: Span
    rank: int


class Phrases:
    """All rules, ready to read. Raises ValueError for a phrase that cannot be read; `check` says which."""

    def __init__(self, file: RiskFile) -> None:
        self.file = file
        self.version = file.version
        self._owners: list[tuple[int, Language]] = []
        patterns: list[Pattern] = []
        for number, rule in enumerate(file.rules):
            for language, phrases in ((_KEYS[0], rule.nb), (_KEYS[1], rule.en)):
                patterns += self._parsed(phrases)
                self._owners += [(number, language)] * len(phrases)
        self._index = Index.of(patterns)
        self._excepts = [Index.of(self._parsed(rule.except_)) for rule in file.rules]
        self._shifts = Shifts(file.shifts, file.words)
        excepts = [pattern for index in self._excepts for pattern in index.patterns]
        elements = [element for pattern in [*patterns, *excepts] for element in pattern.elements]
        self._vocabulary = Vocabulary(
            (word for element in elements for word in element.exact),
            (word for element in elements for word in element.beginnings),
        )

    def read(self, text: str, earlier: Sequence[str] = ()) -> Finding | None:
        """The gravest thing that `text` may mean, or None. Of equals the rule that stands first in the file.

        `earlier`: what the contact wrote in the ten minutes before, oldest first. It is read along with
        `text`, so a phrase split over messages is found; what it holds alone is not found again.
        """
        reading = read([*earlier, text])
        findings = list(self._findings(reading))
        repaired = self._vocabulary.repaired(reading)
        if repaired:
            findings += self._findings(repaired)
        return min(findings, key=lambda each: (-each[1].tier.rank, each[0]), default=(0, None))[1]

    def _parsed(self, phrases: Sequence[str]) -> list[Pattern]:
        return [parse(phrase, self.file.words) for phrase in phrases]

    def _findings(self, reading: Reading) -> Iterator[tuple[int, Finding]]:
        """Everything found, with the place of its rule in the file."""
        rules = self.file.rules
        hits = [hit for hit in self._hits(reading) if hit.rank > 0]
        with_ = {number: self._partners(number, hits) for number in {hit.rule for hit in hits}}
        hits = [hit for hit in hits if not rules[hit.rule].with_ or with_[hit.rule]]
        new_partner = {number: any(reading.is_new(each.span) for each in with_[number]) for number in with_}
        for hit in hits:
            rule = rules[hit.rule]
            if reading.is_new(hit.span) or new_partner[hit.rule]:
                yield hit.rule, self._finding(_TIERS[hit.rank], rule.category, rule.id, [hit], reading)
        for number, together in enumerate(self.file.together, len(rules)):
            of = [hit for hit in hits if _named(rules[hit.rule], together.of)]
            new = any(reading.is_new(hit.span) for hit in of)
            if new and len({hit.rule for hit in of}) >= together.count:
                tier = Tier(together.tier)
                yield number, self._finding(tier, together.category, together.id, of, reading)

    @staticmethod
    def _finding(tier: Tier, category: str, rule: str, hits: Sequence[_Hit], reading: Reading) -> Finding:
        spans = list(dict.fromkeys(hit.span for hit in hits))[:_QUOTES]
        return Finding(
            tier=tier,
            category=category,
            rule=rule,
            matched=tuple(reading.quoted(span) for span in spans),
            language=hits[-1].language,
        )

    def _partners(self, number: int, hits: Sequence[_Hit]) -> list[_Hit]:
        """The hits that a rule with `with` needs one of; empty for other rules."""
        wanted = self.file.rules[number].with_
        if not wanted:
            return []
        return [hit for hit in hits if hit.rule != number and _named(self.file.rules[hit.rule], wanted)]

    def _hits(self, reading: Reading) -> list[_Hit]:
        raw: dict[tuple[int, Span], Language] = {}
        mended = any(word.repaired for word in reading.words)
        for number, span in self._index.found(reading):
            # In a mended reading only what was mended is new.
            if not mended or any(word.repaired for word in reading.words[slice(*span)]):
                owner, language = self._owners[number]
                raw.setdefault((owner, span), language)
        if not raw:
            return []
        covers = {each: _reach(self._excepts[each], reading) for each in {number for number, _ in raw}}
        moved = self._shifts.over(reading)
        hits = []
        for (number, span), language in raw.items():
            rule = self.file.rules[number]
            if span[0] < 0 or covers[number][span[0]] < span[1]:
                rank = moved.rank(Tier(rule.tier), rule.category[0], span, firm=rule.firm)
                hits.append(_Hit(number, language, span, rank))
        return hits


def _reach(excepts: Index, reading: Reading) -> list[int]:
    """For each word, how far the exceptions that begin there or before it reach."""
    reach = [0] * len(reading.words)
    for _, (start, end) in excepts.found(reading):
        if start >= 0:
            reach[start] = max(reach[start], end)
    return list(accumulate(reach, max))


def _named(rule: Rule, names: Sequence[str]) -> bool:
    return rule.id in names or rule.category[0] in names


def risk_problems(located: Located, file: RiskFile) -> list[Problem]:
    """Phrases that cannot be read, names that mean nothing, and sentences that are read wrongly."""
    found = [*_form_problems(located, file), *_name_problems(located, file)]
    if found:
        return found
    phrases = Phrases(file)
    for number, rule in enumerate(file.rules):
        rank = Tier(rule.tier).rank
        for index, sentence in enumerate(rule.hits):
            got = phrases.read(sentence)
            if got is None or got.tier.rank < rank:
                said = f"{rule.id}: this sentence must be {rule.tier}, but is {_shown(got)}"
                found.append(located.problem(said, "rules", number, "hits", index))
        for index, sentence in enumerate(rule.misses):
            got = phrases.read(sentence)
            if got is not None and got.tier.rank >= rank:
                said = f"{rule.id}: this sentence must be below {rule.tier}, but is {_shown(got)}"
                found.append(located.problem(said, "rules", number, "misses", index))
    for index, sentence in enumerate(file.never):
        got = phrases.read(sentence)
        if got is not None:
            found.append(
                located.problem(f"this sentence must mean nothing, but is {_shown(got)}", "never", index)
            )
    return found


def _shown(finding: Finding | None) -> str:
    return f"{finding.tier} by {finding.rule}" if finding else "none"


def _form_problems(located: Located, file: RiskFile) -> Iterator[Problem]:
    listed: list[tuple[str, int, str, dict[str, Texts]]] = [
        ("rules", number, rule.id, {"nb": rule.nb, "en": rule.en, "except": rule.except_})
        for number, rule in enumerate(file.rules)
    ]
    listed += [
        ("shifts", number, shift.id, {"nb": shift.nb, "en": shift.en, "unless": shift.unless})
        for number, shift in enumerate(file.shifts)
    ]
    for section, number, id, phrases in listed:
        for key, index, phrase in ((k, i, p) for k, each in phrases.items() for i, p in enumerate(each)):
            try:
                parse(phrase, file.words)
            except ValueError as error:
                yield located.problem(f"{id}: {error}", section, number, key, index)
        if not phrases["nb"] and not phrases["en"]:
            yield located.problem(f"{id}: has no phrases", section, number)


def _name_problems(located: Located, file: RiskFile) -> Iterator[Problem]:
    ids = [("rules", n, each.id) for n, each in enumerate(file.rules)]
    ids += [("shifts", n, each.id) for n, each in enumerate(file.shifts)]
    ids += [("together", n, each.id) for n, each in enumerate(file.together)]
    seen: set[str] = set()
    for section, number, id in ids:
        if id in seen:
            yield located.problem(f"the id {id!r} is used twice", section, number, "id")
        seen.add(id)
    letters = set("ABCDEFGHIJKLMNO")
    known = {rule.id for rule in file.rules} | letters
    wanted = [("rules", n, "with", rule.with_, known) for n, rule in enumerate(file.rules)]
    wanted += [("together", n, "of", each.of, known) for n, each in enumerate(file.together)]
    wanted += [("shifts", n, "categories", each.categories, letters) for n, each in enumerate(file.shifts)]
    for section, number, key, names, allowed in wanted:
        for name in names:
            if name not in allowed:
                yield located.problem(f"unknown {name!r}{near(name, allowed)}", section, number, key)
