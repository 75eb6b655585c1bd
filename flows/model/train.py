"""Makes flows/risk_model.yaml from the texts beside this file. Plain Python, no download, the same bytes every time.

python flows/model/train.py             make the file and measure it (README.md says how long that takes)
python flows/model/train.py --check     make the file again, without measuring, and compare; exit 1 when it differs
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import exp, log, sqrt
from operator import mul
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

from texts import Item, read_items  # noqa: E402

from bot.risk_model import (  # noqa: E402
    BITS,
    PIECE,
    UNIT,
    VERSION,
    RiskModel,
    Token,
    checksum,
    number,
    pack,
    phrases,
    pieces,
    tokens_of,
)
from bot.risk_words import read  # noqa: E402

FILE = HERE.parent / "risk_model.yaml"
README = HERE / "README.md"
SEED = 4
FOLDS = 2
ROUNDS = 10
RATE = 0.4
# How much a text matters when gravity is learned. To take a critical one for less is the worst mistake, to take
# distress for danger the mildest: a person looks sooner than they had to.
WEIGHTS = {"critical": 2.0, "elevated": 0.3}
FEWEST = 2  # texts in which a feature must stand to have a weight
STEPS = 127  # a weight is one of so many steps either way
# From these scores on a text is elevated, and high. Set on other texts than these, whose harmless ones are mostly
# twins of danger; see README.md.
ELEVATED, HIGH = 0.2, 0.4
GROUPS = {
    "C": "C-indirect", "D": "D-self-harm", "E": "E-medical", "F": "F-violence", "G": "G-threat", "H": "H-assault",
    "I": "I-control", "J": "J-psychosis", "K": "K-eating", "L": "L-child", "M": "M-blackmail", "O": "O-distress",
}  # fmt: skip
ALIKE = {"A": "C", "B": "C", "N": "O"}  # categories that the model does not tell apart
OTHERWISE = "O-distress"
WORDS_OF_GROUP = 400
DOUBT = 40  # how much a category's words must be seen to count
CLEAR = 60  # hundredths by which a category must stand out


@dataclass(frozen=True, slots=True)
class Example:
    """One text as numbers: which its features are, where they stand, and what they count."""

    item: Item
    tokens: tuple[Token, ...]
    features: array[int]
    places: array[int]  # several features may share one
    counts: array[float]


def examples_of(items: Sequence[Item]) -> list[Example]:
    """Every text that has a word in it."""
    found = []
    known: dict[str, int] = {}
    for item in items:
        tokens = tokens_as_sent(item.text)
        if tokens:
            found.append(_example(item, tokens, known))
    return found


def tokens_as_sent(text: str) -> tuple[Token, ...]:
    """Every line as a message of its own, and all of them together, as the service reads what comes in pieces."""
    return tuple(token for line in text.splitlines() for token in tokens_of(read([line])))


def _example(item: Item, tokens: tuple[Token, ...], known: dict[str, int]) -> Example:
    counts: Counter[str] = Counter()
    squares = 0.0
    for index, token in enumerate(tokens):
        for piece in pieces(token.text):
            counts[piece] += PIECE
            squares += PIECE * PIECE
        for feature, count, _ in phrases(tokens, index):
            counts[feature] += count
            squares += count * count
    scale = 1 / sqrt(squares)
    return Example(
        item,
        tokens,
        array("I", [known.setdefault(feature, len(known)) for feature in counts]),
        array("I", map(number, counts)),
        array("f", [count * scale for count in counts.values()]),
    )


@dataclass(frozen=True, slots=True)
class Head:
    """One linear model: a weight for each place, and what is added."""

    weights: list[float]
    bias: float

    def value(self, example: Example) -> float:
        """The score of a text."""
        return self.bias + sum(map(mul, map(self.weights.__getitem__, example.places), example.counts))


def danger_of(examples: Sequence[Example]) -> Head:
    """What says whether a person must see a text."""
    return fit(examples, lambda item: (item.danger, 1.0))


def gravity_of(examples: Sequence[Example]) -> Head:
    """What says whether it is high or critical."""
    return fit(examples, lambda item: (item.grave, WEIGHTS.get(item.tier, 1.0)))


def fit(examples: Sequence[Example], meant_by: Callable[[Item], tuple[bool, float]]) -> Head:
    """Logistic regression by steps that shrink where they have been many (AdaGrad). `meant_by`: whether a text is
    of the kind that is looked for, and how much it matters.
    """
    seen: Counter[int] = Counter()
    for example in examples:
        seen.update(example.features)
    data = []
    for example in examples:
        kept = [
            (at, count)
            for feature, at, count in zip(example.features, example.places, example.counts, strict=True)
            if seen[feature] >= FEWEST
        ]
        data.append((*meant_by(example.item), [at for at, _ in kept], [count for _, count in kept]))
    # While it learns, only the places in use are kept, side by side: most of them are empty.
    used = sorted({at for _, _, places, _ in data for at in places})
    close = {at: index for index, at in enumerate(used)}
    for _, _, places, _ in data:
        places[:] = [close[at] for at in places]
    weights, steps = [0.0] * len(used), [1e-3] * len(used)
    bias, bias_steps = 0.0, 1e-3
    draw = random.Random(SEED)
    for _ in range(ROUNDS):
        draw.shuffle(data)
        for meant, matters, places, counts in data:
            margin = bias + sum(map(mul, map(weights.__getitem__, places), counts))
            slope = 1 / (1 + exp(-max(-30.0, min(30.0, margin)))) - meant
            if -0.02 < slope < 0.02:
                continue
            slope *= matters
            bias_steps += slope * slope
            bias -= RATE * slope / sqrt(bias_steps)
            for at, count in zip(places, counts, strict=True):
                by = slope * count
                square = steps[at] = steps[at] + by * by
                weights[at] -= RATE * by / sqrt(square)
    wide = [0.0] * (1 << BITS)
    for at, weight in zip(used, weights, strict=True):
        wide[at] = weight
    return Head(wide, bias)


def groups_of(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    """For each category the words that speak for it among all texts of danger, as hundredths of a log ratio."""
    counts: dict[str, Counter[str]] = {letter: Counter() for letter in GROUPS}
    everywhere: Counter[str] = Counter()
    for example in (each for each in examples if each.item.danger):
        words = {token.text for token in example.tokens if token.word}
        counts[ALIKE.get(example.item.group, example.item.group)].update(words)
        everywhere.update(words)
    total = sum(everywhere.values())
    found: dict[str, dict[str, int]] = {}
    for letter, words in counts.items():
        size = sum(words.values())
        ratios: dict[str, float] = {}
        for word, count in words.items():
            share = everywhere[word] / total
            # A rare word and a small category are drawn towards "says nothing".
            ratios[word] = log((count + DOUBT * share) / ((size + DOUBT) * share)) * count / (count + 1)
        best = sorted((w for w in ratios if ratios[w] > 0.25), key=lambda w: (-ratios[w] * sqrt(words[w]), w))
        found[GROUPS[letter]] = {word: round(ratios[word] * UNIT) for word in sorted(best[:WORDS_OF_GROUP])}
    return found


@dataclass(frozen=True, slots=True)
class Measured:
    """What each text scored by a model that had not seen it or its neighbours."""

    rows: list[tuple[Item, float, float, str]]  # danger, gravity, category named
    elevated: float
    high: float


def fold_of(examples: Sequence[Example]) -> dict[int, int]:
    """By which part each block is held out."""
    blocks = sorted({example.item.block for example in examples})
    random.Random(SEED).shuffle(blocks)
    return {block: place % FOLDS for place, block in enumerate(blocks)}


Task = tuple[Callable[[Sequence[Example]], Head], int | None]  # what is fitted, and the part that is held out
TASKS: list[Task] = [
    *((kind, None) for kind in (danger_of, gravity_of)),
    *((kind, fold) for fold in range(FOLDS) for kind in (danger_of, gravity_of)),
]
_shared: list[Example] = []  # what every process finds in its memory


def _fit(task: Task) -> tuple[array[float], float]:
    kind, held = task
    folds = fold_of(_shared)
    head = kind([each for each in _shared if held is None or folds[each.item.block] != held])
    return array("d", head.weights), head.bias


def heads_of(examples: Sequence[Example], tasks: Sequence[Task]) -> list[Head]:
    """Each task's head, fitted in processes beside each other: none knows of another, so the bytes are the same."""
    _shared[:] = examples
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        return [Head(list(weights), bias) for weights, bias in pool.map(_fit, tasks)]


def measure(examples: Sequence[Example], heads: Sequence[Head]) -> Measured:
    """Cross-validation. `heads`: for danger and for gravity, part by part."""
    folds = fold_of(examples)
    rows: list[tuple[Item, float, float, str]] = []
    for fold in range(FOLDS):
        danger, grave = heads[2 * fold : 2 * fold + 2]
        groups = groups_of([example for example in examples if folds[example.item.block] != fold])
        model = RiskModel(array("b"), array("b"), 0.0, (0.0, 0.0), 0.0, 0.0, groups, OTHERWISE, CLEAR)
        for example in (each for each in examples if folds[each.item.block] == fold):
            category = model.category(example.tokens)
            rows.append((example.item, danger.value(example), grave.value(example), category))
    return Measured(rows, ELEVATED, HIGH)


def text_of(examples: Sequence[Example], danger: Head, grave: Head) -> str:
    """The file's text."""
    step = max(*map(abs, danger.weights), *map(abs, grave.weights)) / STEPS
    groups = "\n".join(
        f'  {name}: "{" ".join(f"{w}={n}" for w, n in words.items())}"'
        for name, words in groups_of(examples).items()
    )
    weights = pack([round(w / step) for w in danger.weights], [round(w / step) for w in grave.weights])
    dangers = sum(example.item.danger for example in examples)
    text = (
        "# The second danger reader: a linear model that catches what no phrase says. Made by flows/model/train.py\n"
        f"# from {dangers} texts of danger and {len(examples) - dangers} harmless ones, all invented for it.\n"
        "# How it was measured, and what it cannot do: flows/model/README.md. Licence: MIT, as the rest.\n"
        "# Do not edit by hand: change the texts and run the script. A text is danger from `elevated` on, grave from\n"
        "# `high` on (hundredths). No clinician has reviewed it yet: that must happen before launch.\n"
        f"version: {VERSION}\nelevated: {round(ELEVATED * UNIT)}\nhigh: {round(HIGH * UNIT)}\n"
        f"bias_danger: {round(danger.bias * UNIT)}\nbias_grave: {round(grave.bias * UNIT)}\n"
        f"step: {round(step * 1_000_000)}\nclear: {CLEAR}\notherwise: {OTHERWISE}\nsum: x00000000\ngroups:\n{groups}\n"
        f"weights: >-\n{_lines(weights)}"
    )
    return text.replace("sum: x00000000", f"sum: {checksum(text)}")


def _lines(text: str) -> str:
    return "".join(f"  {text[start : start + 118]}\n" for start in range(0, len(text), 118))


def main() -> int:
    """Make or check the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the file that is there")
    options = parser.parse_args()
    from report import into_readme, report

    examples = examples_of(read_items())
    if options.check:
        there = FILE.read_text("utf-8")
        same = there == text_of(examples, *heads_of(examples, TASKS[:2]))
        sys.stdout.write(
            "the file is what the texts give\n" if same else "the file differs: run without --check\n"
        )
        return 0 if same else 1
    danger, grave, *held_out = heads_of(examples, TASKS)
    measured = measure(examples, held_out)
    sys.stdout.write(report(measured))
    FILE.write_text(text_of(examples, danger, grave), "utf-8")
    README.write_text(into_readme(README.read_text("utf-8"), report(measured)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
