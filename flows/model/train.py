"""Makes flows/risk_model.yaml from the texts beside this file. Plain Python, no download, the same bytes every time.

python flows/model/train.py             make the file and measure it (some minutes)
python flows/model/train.py --check     make it again and compare; exit 1 when it differs
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import exp, log, sqrt
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

from texts import Item, read_items  # noqa: E402

from bot.risk_model import PIECE, UNIT, RiskModel, Token, checksum, pieces, rows, scale, tokens_of  # noqa: E402
from bot.risk_words import read  # noqa: E402

FILE = HERE.parent / "risk_model.yaml"
README = HERE / "README.md"
SEED = 4
FOLDS = 5
ROUNDS = 10
RATE = 0.2
DECAY = 3e-3
SHIPPED = 24  # the same for the file itself, which must stay small; the measuring is done without this
SMALLEST = 12  # hundredths; lighter weights are left out
ELEVATED_SHARE, HIGH_SHARE = 0.015, 0.005  # of harmless texts that may reach the mark
GROUPS = {
    "C": "C-indirect", "D": "D-self-harm", "E": "E-medical", "F": "F-violence", "G": "G-threat", "H": "H-assault",
    "I": "I-control", "J": "J-psychosis", "K": "K-eating", "L": "L-child", "M": "M-blackmail", "O": "O-distress",
}  # fmt: skip
OTHERWISE = "O-distress"
DOUBT = 40  # how much a category's words must be seen to count
CLEAR = 60  # hundredths by which a category must stand out


@dataclass(frozen=True, slots=True)
class Example:
    """One text as numbers. `item`: where its item stands in the list."""

    item: int
    danger: bool
    weight: float
    features: tuple[tuple[str, float], ...]
    tokens: tuple[Token, ...]


def examples_of(items: Sequence[Item]) -> list[Example]:
    """Every text of every item; the texts of one item together weigh as the root of their number."""
    return [
        Example(number, item.danger, 1 / sqrt(len(item.texts)), _features(tokens), tokens)
        for number, item in enumerate(items)
        for tokens in (tuple(tokens_of(read([text]))) for text in item.texts)
        if tokens
    ]


def _features(tokens: Sequence[Token]) -> tuple[tuple[str, float], ...]:
    values: Counter[str] = Counter()
    for index, token in enumerate(tokens):
        for piece in pieces(token.text):
            values[piece] += PIECE
        for row in rows(tokens, index):
            values[row] += 1
    factor = scale(len(tokens))
    return tuple((name, value * factor) for name, value in sorted(values.items()))


def fit(examples: Sequence[Example]) -> tuple[dict[str, float], float]:
    """Logistic regression by steps that shrink where they have been many (AdaGrad). Weights and the bias."""
    names = sorted({name for example in examples for name, _ in example.features})
    number = {name: index for index, name in enumerate(names)}
    data = [(e.danger, e.weight, [(number[name], value) for name, value in e.features]) for e in examples]
    weights, steps = [0.0] * len(names), [1e-2] * len(names)
    bias, bias_steps = 0.0, 1e-2
    draw = random.Random(SEED)
    for _ in range(ROUNDS):
        draw.shuffle(data)
        for danger, weight, features in data:
            margin = bias + sum([weights[index] * value for index, value in features])
            off = 1 / (1 + exp(-max(-30.0, min(30.0, margin)))) - danger
            if -0.01 < off < 0.01:
                continue
            slope = off * weight
            bias_steps += slope * slope
            bias -= RATE * slope / sqrt(bias_steps)
            for index, value in features:
                by = slope * value + DECAY * weights[index]
                steps[index] += by * by
                weights[index] -= RATE * by / sqrt(steps[index])
    return dict(zip(names, weights, strict=True)), bias


def model_of(examples: Sequence[Example], items: Sequence[Item]) -> RiskModel:
    """The fitted model in whole hundredths; its marks are not set yet."""
    weights, bias = fit(examples)
    whole = {name: round(weight * UNIT) for name, weight in weights.items()}
    return RiskModel(
        weights={name: weight for name, weight in whole.items() if abs(weight) >= SMALLEST},
        groups=groups_of(examples, items),
        bias=round(bias * UNIT),
        elevated=0,
        high=0,
        otherwise=OTHERWISE,
        clear=CLEAR,
    )


def groups_of(examples: Sequence[Example], items: Sequence[Item]) -> dict[str, dict[str, int]]:
    """For each category the words that speak for it among all texts of danger, as hundredths of a log ratio."""
    counts: dict[str, dict[str, float]] = {letter: {} for letter in GROUPS}
    everywhere: dict[str, float] = {}
    for example in examples:
        letter = items[example.item].group
        if letter in counts:
            for word in sorted({token.text for token in example.tokens if token.word}):
                counts[letter][word] = counts[letter].get(word, 0) + example.weight
                everywhere[word] = everywhere.get(word, 0) + example.weight
    total = sum(everywhere.values())
    found: dict[str, dict[str, int]] = {}
    for letter, words in counts.items():
        size = sum(words.values())
        ratios: dict[str, float] = {}
        for word, count in words.items():
            share = everywhere[word] / total
            # A rare word and a small category are drawn towards "says nothing".
            ratios[word] = log((count + DOUBT * share) / ((size + DOUBT) * share)) * count / (count + 1)
        best = sorted(
            (word for word in ratios if ratios[word] > 0.25), key=lambda word: (-ratios[word], word)
        )
        found[GROUPS[letter]] = {word: round(ratios[word] * UNIT) for word in sorted(best[:150])}
    return found


@dataclass(frozen=True, slots=True)
class Measured:
    """What each text scored by a model that had not seen its item."""

    items: Sequence[Item]
    rows: list[tuple[int, str, float]]  # item, category named, score
    elevated: int
    high: int


def measure(examples: Sequence[Example], items: Sequence[Item], say: Callable[[str], object]) -> Measured:
    """Cross-validation by items, and the marks that so many harmless texts reach and no more."""
    order = list(range(len(items)))
    random.Random(SEED).shuffle(order)
    fold_of = {item: place % FOLDS for place, item in enumerate(order)}
    scored: list[tuple[int, str, float]] = []
    for fold in range(FOLDS):
        say(f"held out: part {fold + 1} of {FOLDS}\n")
        model = model_of([e for e in examples if fold_of[e.item] != fold], items)
        for example in (e for e in examples if fold_of[e.item] == fold):
            score = model.score(example.tokens)
            scored.append((example.item, score.category, score.value))
    harmless = sorted((value for item, _, value in scored if not items[item].danger), reverse=True)
    marks = [max(1, int(harmless[int(len(harmless) * share)]) + 1) for share in (ELEVATED_SHARE, HIGH_SHARE)]
    return Measured(items, sorted(scored), marks[0], max(marks))


def text_of(model: RiskModel, items: Sequence[Item]) -> str:
    """The file's text."""
    texts = Counter(item.danger for item in items for _ in item.texts)
    lines = [
        f'  {name}: "{" ".join(f"{w}={n}" for w, n in words.items())}"'
        for name, words in model.groups.items()
    ]
    by_weight: dict[int, list[str]] = {}
    for name, weight in sorted(model.weights.items()):
        by_weight.setdefault(weight, []).append(name)
    body = "".join(
        f'{weight}: "{" ".join(by_weight[weight])}"\n' for weight in sorted(by_weight, reverse=True)
    )
    body = "".join(f"  {line}\n" for line in body.splitlines())
    head = (
        f"version: 1\nbias: {model.bias}\nelevated: {model.elevated}\nhigh: {model.high}\n"
        f"clear: {model.clear}\notherwise: {model.otherwise}\ngroups:\n" + "\n".join(lines)
    )
    return (
        "# The second danger reader: a linear model that catches what no phrase says. Made by flows/model/train.py\n"
        f"# from {len(items)} items ({texts[True]} texts of danger, {texts[False]} harmless ones), all invented"
        " for it.\n"
        "# How it was measured, and what it cannot do: flows/model/README.md. Licence: MIT, as the rest.\n"
        "# Do not edit by hand: change the texts and run the script. Numbers are hundredths. A text's score is the\n"
        "# bias and the sum of its words' weights by the root of their number; `_ik` is a piece of a word, `=ikke` a\n"
        "# word, `ikke+mer` a row of words. From `elevated` and `high` on a text has that tier. No clinician has\n"
        "# reviewed it yet: that must happen before launch.\n"
        f"{head}\nsum: {checksum(head, body)}\nweights:\n{body}"
    )


def build(say: Callable[[str], object]) -> tuple[str, Measured]:
    """The file's text, and how it was measured."""
    items = read_items()
    examples = examples_of(items)
    measured = measure(examples, items, say)
    say("all texts\n")
    model = replace(model_of(examples, items), elevated=measured.elevated, high=measured.high)
    return text_of(lightened(model), items), measured


def lightened(model: RiskModel) -> RiskModel:
    """The model without the weights that hardly count."""
    return replace(model, weights={n: w for n, w in model.weights.items() if abs(w) >= SHIPPED})


def main() -> int:
    """Make or check the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the file that is there")
    options = parser.parse_args()
    from report import into_readme, report

    text, measured = build(sys.stderr.write)
    sys.stdout.write(report(measured))
    if options.check:
        same = FILE.read_text("utf-8") == text
        sys.stdout.write(
            "the file is what the texts give\n" if same else "the file differs: run without --check\n"
        )
        return 0 if same else 1
    FILE.write_text(text, "utf-8")
    README.write_text(into_readme(README.read_text("utf-8"), report(measured)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
