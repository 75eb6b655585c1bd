"""The second danger reader: what it adds, what it leaves alone, and that its file is what the texts give."""

from __future__ import annotations

import random
import subprocess
import sys
from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from content_files import CONFIG, RISK, files

from bot.content import MODEL, load_content
from bot.conversation import Tier
from bot.errors import ContentError
from bot.risk import Phrases, RiskFile
from bot.risk_model import (
    BITS,
    PIECE,
    VERSION,
    RiskModel,
    _parts,
    number,
    pack,
    parse,
    phrases,
    pieces,
    tokens_of,
    unpack,
)
from bot.risk_reader import RiskReader
from bot.risk_words import read
from bot.yaml_text import read_yaml

ROOT = Path(__file__).parent.parent.parent
FILE = (ROOT / MODEL).read_text("utf-8")
SHIPPED = parse(FILE)
PHRASES = Phrases(RiskFile.model_validate(read_yaml(RISK, "risk.yaml").data))
SWITCHED_ON = CONFIG.replace("model: off", "model: on")


def small_model() -> RiskModel:
    """A model of five words (ø is o to it), so that what the reader does with a score does not hang on what was
    trained. A danger word outweighs six neutral ones.
    """
    danger, grave = (array("b", bytes(1 << BITS)) for _ in range(2))
    for word, one, two in (("tungt", 50, 0), ("morkt", 50, 0), ("svart", 80, 80), ("fint", -127, -127)):
        danger[number("=" + word)], grave[number("=" + word)] = one, two
    return RiskModel(
        danger=danger,
        grave=grave,
        step=0.1,
        biases=(-0.5, -0.5),
        elevated=0.6,
        high=1.0,
        groups={"D-self-harm": {"morkt": 100}},
        otherwise="O-distress",
        clear=60,
    )


READER = RiskReader(PHRASES, small_model())


def _tier(text: str, *earlier: str) -> str | None:
    found = READER.read(text, earlier)
    return str(found.tier) if found else None


def test_what_no_phrase_says_is_raised_to_elevated():
    found = READER.read("Alt er TUNGT og tungt her hos meg i dag")
    assert found is not None
    assert (found.tier, found.rule, found.category) == (Tier.ELEVATED, "model", "O-distress")
    assert found.matched == ("tungt", "tungt")
    assert found.language is None


def test_only_a_score_above_the_upper_mark_is_high():
    assert _tier("alt er svart og svart") == "high"
    assert _tier("alt er svart og fint") is None


def test_what_phrases_found_is_never_lowered():
    assert _tier("jeg vil ta livet mitt, fint fint fint") == "high"
    found = READER.read("orker ikke mer, det er fint")
    assert found is not None
    assert (found.tier, found.rule) == (Tier.ELEVATED, "C-no-more")


def test_what_phrases_found_elevated_is_high_when_the_model_is_very_sure():
    found = READER.read("orker ikke mer, svart svart svart")
    assert found is not None
    assert (found.tier, found.rule, found.category) == (Tier.HIGH, "C-no-more", "C-passive")


@pytest.mark.parametrize("text", ["svart", "svart svart", "", "...", "1234 5678 9012 3456", "😂😂 💀"])
def test_texts_of_fewer_than_five_words_are_left_to_phrases(text):
    assert _tier(text) is None


def test_a_thought_sent_in_pieces_is_read_together():
    assert _tier("så tungt tungt") is None
    assert _tier("så tungt tungt", "jeg synes", "alt er") == "elevated"


def test_a_thought_in_pieces_is_found_once_and_not_with_every_message_after_it():
    assert _tier("hei på deg", "jeg synes", "alt", "så tungt") is None


def test_what_earlier_messages_reached_alone_is_not_found_again():
    assert _tier("hei på deg da", "alt er tungt og tungt her hos meg i dag") is None
    assert (
        _tier("alt er tungt og tungt her hos meg i dag", "alt er tungt og tungt her hos meg i dag")
        == "elevated"
    )


def test_a_long_text_counts_as_its_worst_part():
    assert (
        _tier("vi var på tur i går " * 40 + "alt er svart svart svart svart " + "og så spiste vi is " * 40)
        == "high"
    )


def test_a_sentence_a_little_too_long_for_a_part_is_not_cut_before_its_end():
    tokens = tokens_of(read(["vei " * 32 + "fint. " + "sol " * 20 + "."]))
    assert [token.text for token in next(_parts(tokens))] == ["vei"] * 32 + ["fint"]


def test_one_sentence_in_a_long_text_of_short_ones_is_heard():
    daily = "vi var på tur i går og det var gøy. " * 6
    assert _tier(daily + "alt er svart svart svart svart. " + daily) == "high"
    assert _tier(daily + daily) is None


def test_the_category_is_that_of_the_words_that_stand_out():
    found = READER.read("alt er mørkt og mørkt her hos meg i dag")
    assert found is not None and found.category == "D-self-harm"


def test_a_word_is_the_same_however_it_is_typed():
    ways = ["orker å gå", "ORKER AA GAA", "orkeeeer a ga", "0rker å gå"]
    assert len({tuple(token.text for token in tokens_of(read([way]))) for way in ways}) == 1


def test_a_score_is_the_sum_that_the_training_saw():
    tokens = tokens_of(read(["æ orke itj mer. ingen ser mæ 😢"]))
    names = [piece for token in tokens for piece in pieces(token.text)]
    several = [(text, counts) for index in range(len(tokens)) for text, counts, _ in phrases(tokens, index)]
    danger = array("b", bytes(1 << BITS))
    for name in names:
        danger[number(name)] = 4
    for text, _ in several:
        danger[number(text)] = 10
    model = replace(small_model(), danger=danger, biases=(0.7, 0.0))
    squares = PIECE**2 * len(names) + sum(counts**2 for _, counts in several)
    wanted = PIECE * 4 * len(names) + 10 * sum(counts for _, counts in several)
    assert model.values(tokens)[0] == pytest.approx(0.7 + 0.1 * wanted / squares**0.5)
    assert model.values(tokens)[0] == model.score(tokens).danger


def test_weights_come_back_as_they_were_packed():
    draw = random.Random(1)
    rows = [array("b", bytes(1 << BITS)) for _ in range(2)]
    for at in draw.sample(range(1 << BITS), 3000):
        rows[0][at], rows[1][at] = draw.randrange(-127, 128), draw.randrange(-127, 128)
    assert unpack(pack(*rows)) == tuple(rows)


@pytest.mark.parametrize(
    "text",
    [
        "Hei", "hei på deg", "Kari Nordmann", "Ola Nordmann Hansen", "98765432", "112 113 116 117", "ok takk",
        "god morgen, hvordan går det", "tusen takk for hjelpen", "ha en fin dag", "hello how are you", "ja takk gjerne",
        "når åpner dere på mandag", "kan jeg få utsatt frist", "thank you so much for your help",
    ],
)  # fmt: skip
def test_greetings_names_and_numbers_are_never_flagged(text):
    assert RiskReader(PHRASES, SHIPPED).read(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "det hadde vært en lettelse for alle om jeg bare sovnet inn og aldri våknet",
        "everybody's life would improve if i simply stopped existing",
        "æ orke itj å vær her mer, alle har det bedre utn mæ",
        "eg vil ikkje vere til lenger, det er ingen grunn til å leve",
    ],
)
def test_the_shipped_model_hears_what_is_said_without_the_plain_words(text):
    found = RiskReader(PHRASES, SHIPPED).read(text)
    assert found is not None and found.tier.rank >= Tier.ELEVATED.rank


def test_the_model_is_read_when_it_is_switched_on():
    content = load_content(files(config=SWITCHED_ON, risk_model=FILE))
    assert isinstance(content.phrases, RiskReader)
    assert content.phrases.version == 3


def test_the_model_is_not_needed_when_it_is_switched_off():
    assert isinstance(load_content(files(risk_model="broken")).phrases, Phrases)


def test_a_missing_model_stops_the_start_with_a_sentence():
    with pytest.raises(ContentError, match=r"risk_model\.yaml:1: the danger model is missing"):
        load_content(files(config=SWITCHED_ON))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("", "no danger model"),
        ("nonsense: [", "no danger model"),
        (FILE[:-50], "cut off or was changed"),
        (FILE.replace("\nelevated: ", "\nelevated: 9"), "cut off or was changed"),
        (FILE.replace(f"version: {VERSION}", "version: 0"), f"no danger model of version {VERSION}"),
        (FILE.partition("\nweights:")[0], "no danger model"),
    ],
)
def test_a_broken_model_stops_the_start_with_a_sentence(broken, said):
    with pytest.raises(ContentError, match=rf"risk_model\.yaml:1: .*{said}"):
        load_content(files(config=SWITCHED_ON, risk_model=broken))


def test_the_shipped_file_is_small():
    assert len(FILE.encode()) < 2_000_000


def test_the_same_texts_give_the_same_model():
    """A part of the texts, trained twice in processes of different hash seeds."""
    script = (
        "import sys; sys.path.insert(0, 'flows/model'); import train, texts\n"
        "some = train.examples_of(texts.read_items()[::150])\n"
        "print(train.text_of(some, *train.heads_of(some, train.TASKS[:2])), end='')"
    )
    made = [
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT, env={"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}, capture_output=True, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert made[0] == made[1]
    assert any(parse(made[0].decode()).danger)


@pytest.mark.slow
def test_the_shipped_file_is_what_the_texts_give():
    subprocess.run([sys.executable, "flows/model/train.py", "--check"], cwd=ROOT, check=True)
