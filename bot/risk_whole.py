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
CALM = 0.2


def gravest(found: Sequence[Finding | None]) -> Finding | None:
    """The gravest of them, of equals the first."""
    return max(found, key=lambda each: each.tier.rank if each else -1, default=None)


def standing(reader: Reader, messages: Sequence[str], found: Sequence[Finding | None]) -> Finding | None:
    """What the conversation means as a whole. `found`: what was read after each of its messages.

    The whole may be graver than its messages. It is less only when what came after explains it: everything found may
    mean something else (a hint of the model, or a rule with `explained`), the last message says nothing more, nobody
    took it back, and the model finds all of it together clearly harmless. Then it is None.
    """
    reached = gravest(found)
    if not isinstance(reader, RiskReader):
        return reached  # without the model nobody weighs the whole
    whole = reader.read_whole(messages)
    if whole is not None and (reached is None or whole.tier.rank > reached.tier.rank):
        return whole
    if reached is None or not _may_be_explained(reader.phrases, found):
        return reached
    tokens = [token for message in messages for token in tokens_of(read([message]))]
    if reader.model.values(tokens)[0] >= CALM or _taken_back(reader.phrases, messages):
        return reached
    return None


def _may_be_explained(phrases: Phrases, found: Sequence[Finding | None]) -> bool:
    rules = {RULE, *(rule.id for rule in phrases.file.rules if rule.explained)}
    return found[-1] is None and all(each.rule in rules for each in found if each is not None)


def _taken_back(phrases: Phrases, messages: Sequence[str]) -> bool:
    """Whether they say "forget it" or "kidding": that takes back, and explains nothing."""
    words = phrases.file.taken_back
    if not words:
        return False
    rule = Rule(id="taken-back", category="O-distress", tier="elevated", nb=words)
    only = phrases.file.model_copy(update={"rules": (rule,), "shifts": (), "together": (), "never": ()})
    return Phrases(only).read("\n".join(messages)) is not None
