"""What happens when somebody may be in danger: the card, the alert, the questions, and no silence after.

Rules of conduct, in short: the card goes at once and first; it repeats when the danger rises, when another
number leads, or after ten minutes; and until a person answers, nobody flagged high or critical meets silence.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot import language as languages
from bot.conversation import Danger, Status, Tier
from bot.draft import Draft
from bot.effects import CancelTimers, RaiseAlert, SetTimer
from bot.handoff import open_handoff, set_closing_timer
from bot.messages import Choice, Purpose
from bot.risk import Finding
from bot.talk import notice_text, pass_notice

TOGETHER = timedelta(minutes=10)  # how long split messages are read as one

# Category letter to the card's text and the service whose number leads it. Others get the card for life.
MEDICAL = ("card.medical", "amk")
LIFE = ("card.life", "amk")


def read(draft: Draft, text: str, mid: str | None) -> Finding | None:
    """Read one text for danger, together with what was written in the ten minutes before it."""
    earlier = [
        said.text for said in draft.conv.recent if said.mid != mid and draft.now - said.at <= TOGETHER
    ]
    return draft.content.phrases.read(text, earlier)


def hit(draft: Draft, finding: Finding, *, mid: str | None, text: str = "") -> None:
    """A text, a word or an answer means danger of this tier: card or question, queue, alert."""
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
    first_contact = draft.conv.notice_at is None
    draft.change(
        danger=replace(
            danger,
            card_tier=finding.tier,
            card_lead=lead,
            card_at=draft.now,
            line_at=draft.now,
            asked=question,
        )
    )
    choices = safety_choices(draft, language)
    draft.say_text(Purpose.CARD, _card_text(draft, key, language), *choices)
    if not draft.in_hours:  # the closed card counts as the closed reply
        draft.change(closed_reply_at=draft.now, closed_reply_for=draft.next_opening)
    if first_contact and draft.conv.status is not Status.CLAIMED:
        # Quick replies vanish with the next message, so the notice carries the card's question on.
        _notice(draft, language, choices)


def _card_is_due(draft: Draft, tier: Tier, lead: str) -> bool:
    danger = draft.conv.danger
    if danger is None or danger.card_at is None or danger.card_tier is None:
        return True
    if tier.rank > danger.card_tier.rank or lead != danger.card_lead:
        return True
    if draft.conv.status is Status.CLAIMED:
        return False
    return draft.now - danger.card_at >= _quiet(draft)


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


def _notice(draft: Draft, language: str | None, choices: tuple[Choice, ...]) -> None:
    """The confidentiality notice: the first words of the welcome flow, without its question."""
    draft.say_text(Purpose.NOTICE, notice_text(draft, language), *choices)
    pass_notice(draft)


def alerted(draft: Draft) -> None:
    """A channel took the alert: now, and only now, may the student be told so."""
    if draft.conv.status is Status.WAITING and draft.conv.tier.rank >= Tier.HIGH.rank:
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
    if danger is None or draft.conv.status is Status.CLAIMED or draft.conv.tier.rank >= Tier.HIGH.rank:
        break_silence(draft)
        return
    if danger.line_at is not None and draft.now - danger.line_at < _quiet(draft):
        return
    draft.drop_routine()
    draft.change(flow=None, danger=replace(danger, asked="soft", line_at=draft.now))
    language = draft.conv.language
    draft.say(Purpose.SAFETY, "soft.question", *safety_choices(draft, language))
    if draft.conv.notice_at is None:
        _notice(draft, language, safety_choices(draft, language))
    draft.do(SetTimer(name="soft", due_at=draft.now + _quiet(draft)))


def answer(draft: Draft, question: str, given: str, *, mid: str | None) -> None:
    """An answer to a safety question; every answer has a text."""
    danger = draft.conv.danger
    if danger is None:
        return
    draft.change(danger=replace(danger, asked=None, line_at=draft.now))
    draft.do(CancelTimers(names=frozenset({"soft"})))
    if question == "soft":
        _soft_answer(draft, given, mid)
    else:
        draft.say(Purpose.SAFETY, f"card.{question}_{given}")


def _soft_answer(draft: Draft, given: str, mid: str | None) -> None:
    rule = f"answer:soft_{given}"
    if given == "yes":
        hit(
            draft,
            Finding(
                tier=Tier.HIGH, category="B-suicidal", rule=rule, matched=(), language=draft.conv.language
            ),
            mid=mid,
        )
    elif given == "unsure":
        raise_quietly(draft, rule)
        draft.say(Purpose.SAFETY, "soft.unsure")
    else:
        draft.say(Purpose.SAFETY, "soft.no")


def raise_quietly(draft: Draft, rule: str) -> None:
    """High and alerted, with nothing said: "not sure", or ten minutes' silence after the soft question."""
    finding = Finding(
        tier=Tier.HIGH, category="C-indirect", rule=rule, matched=(), language=draft.conv.language
    )
    _raise_tier(draft, finding)
    draft.do(RaiseAlert(tier=Tier.HIGH, category=finding.category, rules=(rule,), at=draft.now))


# No silence.


def waits_in_danger(draft: Draft) -> bool:
    """High or critical, and no person has answered in this handoff yet."""
    handoff = draft.conv.handoff
    return bool(
        draft.conv.has_people
        and handoff
        and handoff.tier.rank >= Tier.HIGH.rank
        and (handoff.answered_at is None or draft.conv.status is Status.WAITING)
    )


def break_silence(draft: Draft) -> None:
    """One short line (numbers, who reads and when), at most every ten minutes, until a person answers."""
    danger = draft.conv.danger
    if not waits_in_danger(draft):
        return
    last = _latest(danger.card_at, danger.line_at) if danger else None
    if last is not None and draft.now - last < _quiet(draft):
        return
    if draft.is_open:
        draft.say(Purpose.SAFETY, "card.line_open", *safety_choices(draft, draft.conv.language))
    elif draft.in_hours:
        draft.say(Purpose.SAFETY, "card.line_nobody", *safety_choices(draft, draft.conv.language))
    else:
        draft.say(
            Purpose.SAFETY,
            "card.line_closed",
            *safety_choices(draft, draft.conv.language),
            next_open=draft.next_open_words,
        )
    if danger:
        draft.change(danger=replace(danger, line_at=draft.now))


def _latest(*times: datetime | None) -> datetime | None:
    return max((t for t in times if t is not None), default=None)


def _quiet(draft: Draft) -> timedelta:
    return timedelta(minutes=draft.content.settings.waiting.quiet_danger_minutes)
