"""The answers to the bot's questions about safety, and "I can't call". None is met with silence."""

from __future__ import annotations

from dataclasses import replace

from bot import danger, silence, soft
from bot.cards import IN_DANGER
from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.effects import AddEntry, CancelTimers
from bot.risk import Finding

CANNOT_CALL, PLACE = danger.CANNOT_CALL, "answer:place"  # on the alert: call for them; they said where


def answer(draft: Draft, question: str, given: str, *, mid: str | None, text: str = "") -> None:
    """An answer to a safety question, perhaps by an old button. `text`: as typed.

    Every answer has a text. Once a person has answered it is theirs: then it is one line.
    """
    if question == "call":
        _cannot_call(draft, mid)
        return
    found = meaning(draft, question, given, text)
    if draft.conv.danger is not None:
        # To "there is danger now" the text is the answer, not the short line.
        line_at = draft.now if question == "now" else None
        draft.change(danger=replace(draft.conv.danger, asked=None, line_at=line_at))
    draft.do(CancelTimers(names=frozenset({"soft"})))
    if found is not None:
        danger.hit(draft, found, mid=mid, text=text)
        if not silence.something_was_said(draft):
            _say(draft, "card.now_yes" if question == "now" else "card.danger")
        return
    if (question, given) == ("soft", "unsure"):
        danger.raise_quietly(draft, f"answer:{question}_{given}", mid=mid)
    _say(draft, f"soft.{given}" if question == "soft" else f"card.{question}_{given}")


def in_danger(draft: Draft, mid: str | None) -> None:
    """ "I'm in danger", under the word HELP. The card may have come a moment ago: this has a text all the same."""
    language = draft.conv.language
    found = Finding(
        tier=Tier.CRITICAL, category=IN_DANGER, rule="answer:in_danger", matched=(), language=language
    )
    danger.hit(draft, found, mid=mid)
    if not silence.something_was_said(draft):
        _say(draft, "card.danger")


def meaning(draft: Draft, question: str, given: str, text: str) -> Finding | None:
    """What a "yes" to a question about danger is a sign of."""
    if given != "yes" or question not in ("soft", "now"):
        return None
    rule, language = f"answer:{question}_yes", draft.conv.language
    asked = draft.conv.danger
    if question == "now" or soft.is_from_others(draft):
        category = asked.category if asked else IN_DANGER
        return Finding(tier=Tier.CRITICAL, category=category, rule=rule, matched=(), language=language)
    read = _together(draft, text)
    if read is not None and read.tier is Tier.CRITICAL:  # "yes, tonight"
        return replace(read, rule=rule)
    return Finding(tier=Tier.HIGH, category="B-suicidal", rule=rule, matched=(), language=language)


def _together(draft: Draft, text: str) -> Finding | None:
    """A typed "yes" read as what it says yes to: the question's words and the answer's in one sentence."""
    if not text:
        return None
    found = [
        draft.content.phrases.read(f"{each} {text}")
        for each in ("jeg vil ta livet mitt", "I want to kill myself")
    ]
    return max((each for each in found if each), key=lambda each: each.tier.rank, default=None)


# "I can't call": help must be called for them.


def _cannot_call(draft: Draft, mid: str | None) -> None:
    """Told to the people at once; one question, where they are."""
    _to_people(draft, CANNOT_CALL, mid)
    if draft.conv.danger is not None and not _is_with_a_person(draft):
        draft.change(danger=replace(draft.conv.danger, asked="place", line_at=draft.now))
        silence.say(draft, "cannot_call.open" if draft.is_open else "cannot_call.away")
    elif not silence.something_was_said(draft):
        silence.say(draft, "cannot_call.person")


def place_is_asked(draft: Draft) -> bool:
    """Whether the next words say where they are."""
    return bool(draft.conv.danger and draft.conv.danger.asked == "place" and silence.waits_in_danger(draft))


def place_told(draft: Draft, mid: str) -> None:
    """They wrote where they are: the alert goes off again, and they are answered."""
    waiting = draft.conv.danger
    if waiting is not None:
        draft.change(danger=replace(waiting, asked=None, line_at=draft.now))
    _to_people(draft, PLACE, mid)
    silence.say(draft, "cannot_call.place_open" if draft.is_open else "cannot_call.place_away")


def _to_people(draft: Draft, rule: str, mid: str | None) -> None:
    """Whoever cannot call needs somebody who does, now: critical."""
    if draft.conv.tier.rank < Tier.HIGH.rank:  # an old button, after a person closed it
        found = Finding(
            tier=Tier.CRITICAL, category=IN_DANGER, rule=rule, matched=(), language=draft.conv.language
        )
        danger.hit(draft, found, mid=mid)
        return
    tier = Tier.CRITICAL if rule == CANNOT_CALL else draft.conv.tier
    danger.raise_quietly(draft, rule, mid=mid, tier=tier)
    shown = rule.removeprefix("answer:")
    draft.do(AddEntry(written_by="system", kind="event", mid=None, at=draft.now, detail=shown))


def _is_with_a_person(draft: Draft) -> bool:
    """A supporter has them, and nobody in danger waits for the first answer."""
    return draft.conv.status is Status.CLAIMED and not silence.waits_in_danger(draft)


def _say(draft: Draft, key: str) -> None:
    silence.say(draft, "card.answer_person" if _is_with_a_person(draft) else key)
