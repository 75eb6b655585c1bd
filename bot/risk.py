"""Notices words that may mean danger to life or health, and says which ones. Format: flows/risk_phrases.yaml.

The fixed interface is `Phrases.read`. No model, no network: a message takes less than half a millisecond, the time
grows with its length, and every finding names the rule and the words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import accumulate
from typing import Annotated, Literal

from pydantic import Field

from bot.conversation import Tier
from bot.risk_lexicon import Lexicon
from bot.risk_pattern import Lists, Pattern, Span, parse
from bot.risk_shifts import Moved, RuleId, Shift, Texts, found
from bot.risk_words import Part, Vocabulary, Window, part_of
from bot.settings import Model

Language = Literal["nb", "en"]
_TIERS = list(Tier)
REMEMBERED = 256  # messages whose words are kept
SHORT = 2000  # characters; longer ones are not kept
SHADOW = 8  # words; how far an `unless` reaches in its sentence, so that it hides no danger far from it
YOUNG = "L-young"  # the category of an age under 18 that is told and nothing else
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
    unless: Texts = ()
    firm: bool = False
    hint: bool = False
    explained: bool = False
    owner: str | None = None
    review_by: date | None = None
    hits: Texts = ()
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
    owner: str = "coordinator"
    review_by: date | None = None
    words: dict[str, Texts] = Field(default_factory=dict)
    groups: dict[str, Texts] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = Field(min_length=1)
    shifts: tuple[Shift, ...] = ()
    together: tuple[Together, ...] = ()
    never: tuple[str, ...] = ()
    taken_back: Texts = ()  # "forget it": explains nothing, see bot/risk_whole.py
    explains: Texts = ()  # "in the play": what plain words of danger were about, see there

    @property
    def lists(self) -> Lists:
        """What its phrases may refer to."""
        return Lists(self.words, self.groups)


def merged(file: RiskFile, extra: RiskFile) -> RiskFile:
    """Both as one file. The extra rules come last; its lists may not be called as the file's own, `check` says so."""
    return file.model_copy(
        update={
            "words": {**extra.words, **file.words},
            "groups": {**extra.groups, **file.groups},
            "rules": (*file.rules, *extra.rules),
            "shifts": (*file.shifts, *extra.shifts),
            "together": (*file.together, *extra.together),
            "never": (*file.never, *extra.never),
            "taken_back": (*file.taken_back, *extra.taken_back),
            "explains": (*file.explains, *extra.explains),
        }
    )


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
        lists = file.lists
        self._owners: list[tuple[int, Language]] = []  # of the patterns of rules, which come first
        self._others: list[tuple[str, int]] = []  # of those after them: except, unless, shift, off
        patterns: list[Pattern] = []
        for number, rule in enumerate(file.rules):
            for language, phrases in ((_KEYS[0], rule.nb), (_KEYS[1], rule.en)):
                patterns += _parsed(phrases, lists)
                self._owners += [(number, language)] * len(phrases)
        others: list[tuple[str, int, Sequence[str]]] = []
        for number, rule in enumerate(file.rules):
            others += [("except", number, rule.except_), ("unless", number, rule.unless)]
        for number, shift in enumerate(file.shifts):
            others += [("shift", number, (*shift.nb, *shift.en)), ("off", number, shift.unless)]
        for kind, number, listed in others:
            patterns += _parsed(listed, lists)
            self._others += [(kind, number)] * len(listed)
        self._lexicon = Lexicon(patterns, widest_from=len(self._owners))
        self._vocabulary = Vocabulary(
            (word for pattern in patterns for element in pattern.elements for word in element.exact),
            (word for pattern in patterns for element in pattern.elements for word in element.beginnings),
            self._lexicon.word,
        )
        # Of a window of ten messages nine have been read before. In memory only, a few hundred short texts.
        self._known = lru_cache(maxsize=REMEMBERED)(self._part)

    def read(self, text: str, earlier: Sequence[str] = ()) -> Finding | None:
        """The gravest thing that `text` may mean, or None. Of equals the rule that stands first in the file.

        `earlier`: what the contact wrote in the ten minutes before, oldest first. It is read along with
        `text`, so a phrase split over messages is found; what it holds alone is not found again.
        """
        return self.read_parts([self.part(each) for each in (*earlier, text)])

    def read_parts(self, parts: Sequence[Part]) -> Finding | None:
        """As `read`, of messages that were taken apart by `part`, oldest first, the newest last."""
        found = list(self._findings(Window(parts), mended=False))
        if any(part.mended for part in parts):
            found += self._findings(Window([part.mended or part for part in parts]), mended=True)
        # An age is the least of equals: whatever else is said with it is what the student writes about.
        return min(
            found,
            key=lambda each: (-each[1].tier.rank, each[1].category == YOUNG, each[0]),
            default=(0, None),
        )[1]

    def part(self, text: str) -> Part:
        """The message as words, remembered if it is short: the next nine readings have it before them."""
        return self._known(text) if len(text) <= SHORT else self._part(text)

    def _part(self, text: str) -> Part:
        part = part_of(text, self._lexicon.token)
        return replace(part, mended=self._vocabulary.mended(part))

    def _findings(self, reading: Window, *, mended: bool) -> Iterator[tuple[int, Finding]]:
        """Everything found, with the place of its rule in the file."""
        rules = self.file.rules
        hits = [hit for hit in self._hits(reading, mended=mended) if hit.rank > 0]
        if not hits:
            return
        with_ = {number: self._partners(number, hits) for number in {hit.rule for hit in hits}}
        hits = [hit for hit in hits if not rules[hit.rule].with_ or with_[hit.rule]]
        new_partner = {number: any(reading.is_new(each.span) for each in with_[number]) for number in with_}
        for hit in hits:
            rule = rules[hit.rule]
            if not rule.hint and (reading.is_new(hit.span) or new_partner[hit.rule]):
                yield hit.rule, self._finding(_TIERS[hit.rank], rule.category, rule.id, [hit], reading)
        for number, together in enumerate(self.file.together, len(rules)):
            of = [hit for hit in hits if _named(rules[hit.rule], together.of)]
            new = any(reading.is_new(hit.span) for hit in of)
            if new and len({hit.rule for hit in of}) >= together.count:
                tier = Tier(together.tier)
                yield number, self._finding(tier, together.category, together.id, of, reading)

    @staticmethod
    def _finding(tier: Tier, category: str, rule: str, hits: Sequence[_Hit], reading: Window) -> Finding:
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

    def _hits(self, reading: Window, *, mended: bool) -> list[_Hit]:
        raw: dict[tuple[int, Span], Language] = {}
        for number, span in sorted(self._lexicon.rules(reading)):
            # In a mended reading only what was mended is new.
            if not mended or any(word.repaired for word in reading.words[slice(*span)]):
                owner, language = self._owners[number]
                raw.setdefault((owner, span), language)
        if not any(reading.is_new(span) for _, span in raw):
            return []
        spans: dict[tuple[str, int], list[Span]] = {}
        for number, span in sorted(self._lexicon.others(reading)):
            if span[0] >= 0 and reading.sentences[span[0]] != reading.sentences[span[1] - 1]:
                continue  # "jeg vil dø. av latter falt jeg": what lowers may not lean on another sentence
            spans.setdefault(self._others[number - len(self._owners)], []).append(span)
        numbers = {number for number, _ in raw}
        covers = {each: _reach(spans.get(("except", each), ()), reading) for each in numbers}
        off = {each: _shadow(spans.get(("unless", each), ()), reading) for each in numbers}
        moved = self._moved(spans, reading)
        hits = []
        for (number, span), language in raw.items():
            rule = self.file.rules[number]
            if span[0] >= 0 and covers[number] and covers[number][span[0]] >= span[1]:
                continue
            if off[number] and not off[number].isdisjoint(range(*reading.around(span))):
                continue
            rank = moved.rank(Tier(rule.tier), rule.category[0], span, firm=rule.firm)
            hits.append(_Hit(number, language, span, rank))
        return hits

    def _moved(self, spans: Mapping[tuple[str, int], Sequence[Span]], reading: Window) -> Moved:
        return Moved(
            [
                found(shift, spans[("shift", number)], spans.get(("off", number), ()), reading)
                for number, shift in enumerate(self.file.shifts)
                if ("shift", number) in spans
            ],
            reading,
        )


def _parsed(phrases: Sequence[str], lists: Lists) -> list[Pattern]:
    return [parse(phrase, lists) for phrase in phrases]


def _reach(spans: Sequence[Span], reading: Window) -> list[int]:
    """For each word, how far the exceptions that begin there or before it reach; empty when there are none."""
    if not spans:
        return []
    reach = [0] * len(reading.words)
    for start, end in spans:
        if start >= 0:
            reach[start] = max(reach[start], end)
    return list(accumulate(reach, max))


def _shadow(spans: Sequence[Span], reading: Window) -> set[int]:
    """The words that lie in the sentence of one of these spans and near it: what `unless` switches off, no more."""
    found: set[int] = set()
    for span in spans:
        places = reading.places(span)
        start, end = reading.around(span)
        near = range(max(start - SHADOW, 0), min(end + SHADOW, len(reading.words)))
        found.update(each for each in near if reading.place(each) in places)
    return found


def _named(rule: Rule, names: Sequence[str]) -> bool:
    return rule.id in names or rule.category[0] in names
