"""How a conversation stands when it is read as a whole, after its last message. For looking back, never for alarms.

The service alarms on the gravest thing reached after any message, at once, and nothing here changes that. But some
conversations open alarmingly and are explained a moment later: "she won't wake up" and then "my laptop". Whoever
measures how danger is read wants to know how a careful duty officer judges the whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.risk import Finding, Phrases, Rule
from bot.risk_model import tokens_of
from bot.risk_reader import RULE, Reader, RiskReader
from bot.risk_words import read

# Below this score for danger the joined text is clearly harmless. Chosen on invented conversations; docs/risk.md.
CALM = 0.1
# And below this one even plain words of danger are explained, where what comes after names what they are about.
VERY_CALM = -5.5


def gravest(found: Sequence[Finding | None]) -> Finding | None:
    """The gravest of them, of equals the first."""
    return max(found, key=lambda each: each.tier.rank if each else -1, default=None)


def standing(reader: Reader, messages: Sequence[str], found: Sequence[Finding | None]) -> Finding | None:
    """What the conversation means as a whole. `found`: what was read after each of its messages.

    The whole may be graver than its messages. It is less only when what came after explains it: the last message says
    nothing more, and nobody took it back. What may mean something else (a hint of the model, or a rule with
    `explained`) is explained when the model finds all of it together clearly harmless; plain words only when it does
    so by far and what comes after names a play, a game, a lease (`explains`). Then it is None.
    """
    reached = gravest(found)
    if not isinstance(reader, RiskReader):
        return reached  # without the model nobody weighs the whole
    whole = reader.read_whole(messages)
    if whole is not None and (reached is None or whole.tier.rank > reached.tier.rank):
        return whole
    file = reader.phrases.file
    if reached is None or found[-1] is not None or _say(reader.phrases, file.taken_back, messages):
        return reached
    tokens = [token for message in messages for token in tokens_of(read([message]))]
    calm = reader.model.values(tokens)[0]
    if calm < CALM and _may_mean_something_else(reader.phrases, found):
        return None
    first = next(at for at, each in enumerate(found) if each is not None)
    if calm < VERY_CALM and _say(reader.phrases, file.explains, messages[first + 1 :]):
        return None
    return reached


def _may_mean_something_else(phrases: Phrases, found: Sequence[Finding | None]) -> bool:
    rules = {RULE, *(rule.id for rule in phrases.file.rules if rule.explained)}
    return all(each.rule in rules for each in found if each is not None)


def _say(phrases: Phrases, words: Sequence[str], messages: Sequence[str]) -> bool:
    """Whether any of these phrases occurs in the messages."""
    if not words:
        return False
    rule = Rule(id="said", category="O-distress", tier="elevated", nb=tuple(words))
    cut = {"rules": (rule,), "shifts": (), "together": (), "never": ()}
    return Phrases(phrases.file.model_copy(update=cut)).read("\n".join(messages)) is not None
