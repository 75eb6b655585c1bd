"""The answers to the bot's questions about safety, and "I can't call". None is met with silence."""

from __future__ import annotations

from dataclasses import replace

from bot import danger, silence, soft, whereabouts
from bot.cards import IN_DANGER
from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.effects import AddEntry, CancelTimers, Effect, SendMessage
from bot.messages import Purpose
from bot.risk import Finding
from bot.risk_reader import RULE as MODEL_RULE

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
        still = "place" if draft.conv.danger.asked == "place" else None  # an old button does not say where
        draft.change(danger=replace(draft.conv.danger, asked=still, line_at=line_at))
    draft.do(CancelTimers(names=frozenset({"soft"})))
    if found is not None:
        danger.hit(draft, found, mid=mid, text=text)
        if silence.something_was_said(draft):
            return
        if question == "now" and tells_where(draft):
            _say_where(draft, "place_")
        else:
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


def is_above(draft: Draft, question: str, given: str, text: str, finding: Finding) -> bool:
    """Whether this typed answer says more than what was found in it, or what was found is no news.

    A short "yes" is read together with what they wrote before. That it repeats this must not hide what it says yes to.
    """
    if question not in silence.QUESTIONS:
        return False
    if question == "call" and (finding.rule == MODEL_RULE or draft.conv.tier.rank > finding.tier.rank):
        return True  # "I can't call, he is here"
    meant = meaning(draft, question, given, text)
    if meant is not None and meant.tier.rank > finding.tier.rank:
        return True
    is_news = draft.content.phrases.read(text) is not None  # "no, he is here" says more than no
    return not is_news and (meant.tier if meant else draft.conv.tier).rank >= finding.tier.rank


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
    if draft.conv.tier.rank < Tier.HIGH.rank:  # an old button, after a person closed it
        found = Finding(
            tier=Tier.CRITICAL,
            category=IN_DANGER,
            rule=CANNOT_CALL,
            matched=(),
            language=draft.conv.language,
        )
        danger.hit(draft, found, mid=mid)
    else:
        danger.raise_quietly(draft, CANNOT_CALL, mid=mid, tier=Tier.CRITICAL)
    # What they write from here on is shown as part of where they are.
    draft.do(AddEntry(written_by="system", kind="event", mid=None, at=draft.now, detail="cannot_call"))
    waiting = draft.conv.danger
    if waiting is not None and not _is_with_a_person(draft):
        draft.change(danger=replace(waiting, asked="place", line_at=None))  # whatever comes next is answered
        _say_where(draft)
    elif not silence.something_was_said(draft):
        silence.say(draft, "cannot_call.person")


def tells_where(draft: Draft) -> bool:
    """Whether the next words go to people as part of where they are: until a person answers who cannot call."""
    handoff, waiting = draft.conv.handoff, draft.conv.danger
    if handoff is None or waiting is None or CANNOT_CALL not in handoff.rules:
        return False
    has_asked_last = waiting.asked == "place" or draft.conv.flow is None  # a flow that runs has asked since
    return has_asked_last and silence.waits_in_danger(draft)


def told_where(draft: Draft, mid: str, text: str) -> None:
    """They write on after "I can't call". People see all of it; what it is answered depends on what it is.

    The first words get a text, and so does the first that looks like a place; a "don't know" gets help to find out.
    The rest gets a line now and then, as any other message in danger.
    """
    waiting = draft.conv.danger
    if waiting is None or _says(draft, Purpose.CARD):
        return
    if _says(draft, Purpose.SAFETY):  # the short line, of this very turn: what is said here says more
        draft.effects = [e for e in draft.effects if not _is_said(e, Purpose.SAFETY)]
        waiting = replace(waiting, line_at=None)
    is_asked, is_place = waiting.asked == "place", whereabouts.looks_like_place(text)
    if silence.may_be_answered_elsewhere(draft) and not (is_asked and is_place):
        return  # people see it; who speaks there is not spoken over, but the place that was asked for is answered
    if is_asked and not is_place and whereabouts.says_no_place(text):
        draft.change(danger=replace(waiting, line_at=None))  # what they find is answered, too
        _say_where(draft, "look_")
        return
    if not (is_asked and is_place) and silence.is_recent(draft, waiting.line_at):
        return
    asked = None if is_place and is_asked else waiting.asked
    draft.change(danger=replace(waiting, asked=asked, line_at=draft.now))
    danger.raise_quietly(draft, PLACE, mid=mid, tier=draft.conv.tier)
    _say_where(draft, "place_")


def _says(draft: Draft, purpose: Purpose) -> bool:
    """Whether this very turn says something of this purpose."""
    return any(_is_said(effect, purpose) for effect in draft.effects)


def _is_said(effect: Effect, purpose: Purpose) -> bool:
    return isinstance(effect, SendMessage) and effect.message.purpose is purpose


def _say_where(draft: Draft, kind: str = "") -> None:
    """With what really happens to what they write: people are here, somebody is told, or nobody before we open."""
    is_told = draft.in_hours or draft.somebody_is_told
    _say(draft, f"cannot_call.{kind}{'open' if draft.is_open else 'away' if is_told else 'closed'}")


def _is_with_a_person(draft: Draft) -> bool:
    """A supporter has them, and nobody in danger waits for the first answer."""
    return draft.conv.status is Status.CLAIMED and not silence.waits_in_danger(draft)


def _say(draft: Draft, key: str) -> None:
    silence.say(draft, "card.answer_person" if _is_with_a_person(draft) else key)
