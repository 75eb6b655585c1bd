"""What happens when somebody may be in danger: the card, the alert, the questions, and no silence after.

Rules of conduct, in short: the card goes at once and first; it repeats when the danger rises, when another
number leads, or after ten minutes; and until a person answers, nobody flagged high or critical meets silence.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot import closed, elsewhere, notice
from bot import language as languages
from bot.conversation import Danger, Status, Stopped, Tier
from bot.draft import Draft
from bot.effects import CancelTimers, RaiseAlert
from bot.messages import Choice, Purpose
from bot.queue import open_handoff, set_closing_timer, set_soft_timer
from bot.risk import Finding

TOGETHER = timedelta(minutes=10)  # how long split messages are read as one

# Category letter to the card's text and the service whose number leads it. Others get the card for life.
MEDICAL = ("card.medical", "amk")
LIFE = ("card.life", "amk")


def read(draft: Draft, text: str, mid: str | None) -> Finding | None:
    """Read one text for danger, together with what was written in the ten minutes before it."""
    earlier = [said.text for said in draft.conv.recent if said.mid != mid and draft.now - said.at <= TOGETHER]
    return draft.content.phrases.read(text, earlier)


def hit(draft: Draft, finding: Finding, *, mid: str | None, text: str = "") -> None:
    """A text, a word or an answer means danger of this tier: card or question, queue, alert."""
    if draft.conv.stopped is Stopped.STOP:
        draft.change(stopped=Stopped.NO)
    if finding.tier.rank >= Tier.HIGH.rank:
        draft.do(CancelTimers(names=None))  # of the flow and of ordinary waiting
    _raise_tier(draft, finding)
    if finding.tier.rank < Tier.HIGH.rank:
        _ask_softly(draft)
        return
    if draft.conv.status is Status.WAITING:
        set_closing_timer(draft)
    draft.drop_routine()
    draft.change(flow=None, asked=None, asked_at=None)
    _card_or_line(draft, finding, text)
    draft.do(
        RaiseAlert(
            tier=finding.tier,
            category=finding.category,
            rules=(finding.rule,),
            matched=finding.matched,
            mid=mid,
            at=draft.now,
        )
    )


def _raise_tier(draft: Draft, finding: Finding) -> None:
    """Open a handoff at this tier, or lift the open one. A tier never falls by itself."""
    if draft.conv.erasing is not None:  # the receipt is on its way: somebody has to see to them first
        draft.change(erasing=None, erase_on_close=True)
    conv = draft.conv
    if not conv.has_people:
        open_handoff(draft, tier=finding.tier, category=finding.category, rules=(finding.rule,), quietly=True)
    elif conv.handoff is not None:
        rises = finding.tier.rank > conv.handoff.tier.rank
        draft.change(
            handoff=replace(
                conv.handoff,
                tier=finding.tier if rises else conv.handoff.tier,
                category=finding.category if rises or not conv.handoff.category else conv.handoff.category,
                rules=tuple(dict.fromkeys((*conv.handoff.rules, finding.rule))),
                # Who answered in Meta's inbox before this has not answered it.
                answered_at=None if conv.status is Status.WAITING else conv.handoff.answered_at,
            )
        )
    old = draft.conv.danger
    if old is None or finding.tier.rank >= old.tier.rank:
        base = old or Danger(tier=finding.tier, category=finding.category, raised_at=draft.now)
        draft.change(danger=replace(base, tier=finding.tier, category=finding.category))


# The card.


def _card_or_line(draft: Draft, finding: Finding, text: str) -> None:
    key, lead = MEDICAL if finding.category.startswith("E") else LIFE
    if not _card_is_due(draft, finding.tier, lead):
        break_silence(draft)
        return
    danger = draft.conv.danger
    assert danger is not None  # noqa: S101 - set by _raise_tier
    language = _card_language(draft, finding, text)
    question = _question(draft) if key != "card.medical" else None
    draft.change(danger=replace(danger, asked=question))
    choices = safety_choices(draft, language)
    if not draft.say_text(Purpose.CARD, _card_text(draft, key, language), *choices):
        return  # too late for the channel: the next message that comes in time gets it
    danger = replace(danger, asked=question, line_at=None, card_at=draft.now)
    draft.change(danger=replace(danger, card_tier=finding.tier, card_lead=lead))
    if question:
        closed.told(draft)  # the closed card counts as the closed reply
    if draft.conv.status is not Status.CLAIMED:
        notice.give(draft, *choices, language=language, short=True)


def _card_is_due(draft: Draft, tier: Tier, lead: str) -> bool:
    danger = draft.conv.danger
    if danger is None or danger.card_at is None or danger.card_tier is None:
        return True
    if tier.rank > danger.card_tier.rank or lead != danger.card_lead:
        return True
    if draft.conv.status is Status.CLAIMED:
        return False
    return not _is_recent(draft, danger.card_at)


def _card_text(draft: Draft, key: str, language: str | None) -> str:
    if key == "card.medical":
        return draft.text(key, language)
    if draft.is_open:
        return draft.text(f"{key}_open", language)
    if draft.in_hours:
        return draft.text(f"{key}_nobody", language)
    return draft.text(f"{key}_closed", language, next_open=draft.next_open_words)


def _card_language(draft: Draft, finding: Finding, text: str) -> str | None:
    """The student's language; None (both) when the message's and the chosen one differ, or none is known."""
    written = finding.language or languages.guess(text)
    chosen = draft.conv.language
    if written and chosen and written != chosen and draft.conv.language_chosen:
        return None
    return written or chosen


def _question(draft: Draft) -> str:
    return "alone" if draft.is_open else "near"


def say_again(draft: Draft) -> bool:
    """Repeat what was said about danger, in the language they have just asked for. False: there is nothing."""
    danger = draft.conv.danger
    if danger is None or draft.conv.status is Status.CLAIMED:
        return False
    language = draft.conv.language
    if waits_in_danger(draft) and danger.card_at is not None:
        key = MEDICAL[0] if danger.category.startswith("E") else LIFE[0]
        return draft.say_text(
            Purpose.CARD, _card_text(draft, key, language), *safety_choices(draft, language)
        )
    if danger.asked == "soft":
        return draft.say(Purpose.SAFETY, "soft.question", *safety_choices(draft, language))
    return False


def alerted(draft: Draft) -> None:
    """A channel took the alert: now, and only now, may the student be told so."""
    if draft.conv.status is Status.WAITING and waits_in_danger(draft) and draft.conv.stopped is Stopped.NO:
        language = draft.conv.language
        draft.say_text(
            Purpose.ALERTED, draft.text("card.alerted", language), *safety_choices(draft, language)
        )


# Questions and their answers.

_QUESTIONS = {
    "alone": (("card.yes_button", "yes"), ("card.no_button", "no")),
    "near": (("card.yes_button", "yes"), ("card.no_button", "no")),
    "soft": (("soft.yes_button", "yes"), ("soft.no_button", "no"), ("soft.unsure_button", "unsure")),
}


def safety_choices(draft: Draft, language: str | None) -> tuple[Choice, ...]:
    """The buttons of the safety question that waits, if one does."""
    asked = draft.conv.danger.asked if draft.conv.danger else None
    return tuple(
        draft.choice(key, f"b:{asked}:{answer}", language) for key, answer in _QUESTIONS.get(asked or "", ())
    )


def _ask_softly(draft: Draft) -> None:
    """Elevated: one soft question with the numbers in it. While a person has it, it is their hint instead."""
    danger = draft.conv.danger
    has_person = draft.conv.status is Status.CLAIMED or elsewhere.is_silent(draft)
    if danger is None or has_person or draft.conv.tier.rank >= Tier.HIGH.rank:
        break_silence(draft)
        return
    if _is_recent(draft, danger.soft_at):
        heard(draft)
        return
    draft.drop_routine(but=Purpose.CLOSED)
    danger = replace(danger, asked="soft", soft_at=draft.now, line_at=None)
    draft.change(flow=None, asked=None, asked_at=None, danger=danger)
    choices = safety_choices(draft, draft.conv.language)
    draft.say(Purpose.SAFETY, "soft.question", *choices)
    notice.give(draft, *choices, short=True)
    closed.reply(draft, *choices)
    set_soft_timer(draft)


def answer(draft: Draft, question: str, given: str, *, mid: str | None) -> None:
    """An answer to a safety question, perhaps by an old button. Every answer has a text, until a person
    answers: then it is theirs.
    """
    danger = draft.conv.danger
    if danger is not None:
        draft.change(danger=replace(danger, asked=None, line_at=None))
    draft.do(CancelTimers(names=frozenset({"soft"})))
    rule = f"answer:{question}_{given}"
    if (question, given) == ("soft", "yes"):
        finding = Finding(
            tier=Tier.HIGH, category="B-suicidal", rule=rule, matched=(), language=draft.conv.language
        )
        hit(draft, finding, mid=mid)
        return
    if (question, given) == ("soft", "unsure"):
        raise_quietly(draft, rule)
    if waits_in_danger(draft) or not (draft.conv.status is Status.CLAIMED or draft.conv.elsewhere_since):
        draft.say(Purpose.SAFETY, f"soft.{given}" if question == "soft" else f"card.{question}_{given}")


def heard(draft: Draft) -> bool:
    """They wrote something else than an answer to the soft question: one line, and it stays open.

    False: no soft question is open, or the line was said a moment ago.
    """
    danger = draft.conv.danger
    if danger is None or danger.asked != "soft" or _is_recent(draft, danger.line_at):
        return False
    draft.change(danger=replace(danger, line_at=draft.now))
    return draft.say(Purpose.SAFETY, "soft.heard", *safety_choices(draft, draft.conv.language))


def raise_quietly(draft: Draft, rule: str, *, mid: str | None = None) -> None:
    """High and alerted, with nothing said: "not sure", or ten minutes' silence after the soft question."""
    finding = Finding(
        tier=Tier.HIGH, category="C-indirect", rule=rule, matched=(), language=draft.conv.language
    )
    _raise_tier(draft, finding)
    draft.do(RaiseAlert(tier=Tier.HIGH, category=finding.category, rules=(rule,), mid=mid, at=draft.now))


# No silence.


def waits_in_danger(draft: Draft) -> bool:
    """High or critical, and no person has answered in this handoff yet."""
    handoff = draft.conv.handoff
    return bool(
        draft.conv.has_people
        and handoff
        and handoff.tier.rank >= Tier.HIGH.rank
        and handoff.answered_at is None
    )


def break_silence(draft: Draft) -> None:
    """One short line (numbers, who reads and when), at most every ten minutes, until a person answers."""
    danger = draft.conv.danger
    if waits_in_danger(draft) and not _is_recent(draft, danger.line_at if danger else None):
        say_line(draft)


def say_line(draft: Draft) -> bool:
    """The short line, with the buttons of the question that waits."""
    choices = safety_choices(draft, draft.conv.language)
    if draft.is_open:
        said = draft.say(Purpose.SAFETY, "card.line_open", *choices)
    elif draft.in_hours:
        said = draft.say(Purpose.SAFETY, "card.line_nobody", *choices)
    else:
        said = draft.say(Purpose.SAFETY, "card.line_closed", *choices, next_open=draft.next_open_words)
    if said and draft.conv.danger:
        draft.change(danger=replace(draft.conv.danger, line_at=draft.now))
    return said


def _is_recent(draft: Draft, at: datetime | None) -> bool:
    return at is not None and draft.now - at < _quiet(draft)


def _quiet(draft: Draft) -> timedelta:
    return timedelta(minutes=draft.content.settings.waiting.quiet_danger_minutes)
