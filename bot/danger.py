"""What happens when somebody may be in danger: the card, the queue, the alert.

Rules of conduct, in short: the card goes at once and first; it repeats when the danger rises, when another
number leads, or after ten minutes; and until a person answers, nobody flagged high or critical meets silence.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot import cards, closed, notice, silence, soft
from bot import language as languages
from bot.cards import Card
from bot.conversation import LANGUAGES, Danger, Status, Stopped, Tier
from bot.draft import Draft
from bot.effects import CancelTimers, RaiseAlert
from bot.messages import Choice, Purpose
from bot.queue import open_handoff, set_closing_timer
from bot.risk import YOUNG, Finding
from bot.window import bot_may_write

TOGETHER = timedelta(minutes=10)  # how long split messages are read as one
CANNOT_CALL = "answer:cannot_call"  # on the alert: help must be called for them


def read(draft: Draft, text: str, mid: str | None, sent_at: datetime) -> Finding | None:
    """Read one text for danger, together with what was written in the ten minutes around it.

    A message that came late is read before those that were written after it.
    """
    near = sorted(
        (said for said in draft.conv.recent if said.mid != mid and abs(sent_at - said.at) <= TOGETHER),
        key=lambda said: said.at,
    )
    earlier = [said.text for said in near if said.at <= sent_at]
    later = [said.text for said in near if said.at > sent_at]
    phrases = draft.content.phrases
    found = phrases.read(text, earlier)
    for number, each in enumerate(later):
        before = [*earlier, *later[:number]]
        alone, along = phrases.read(each, before), phrases.read(each, [*earlier, text, *later[:number]])
        if along and (alone is None or along.tier.rank > alone.tier.rank):
            found = max((found, along), key=lambda finding: finding.tier.rank if finding else 0)
    return found


def hit(draft: Draft, finding: Finding, *, mid: str | None, text: str = "") -> None:
    """A text, a word, a step or an answer means danger of this tier: card or question, queue, alert."""
    if draft.conv.danger is not None:  # who spoke in Meta's inbox before this has not answered it
        draft.change(danger=replace(draft.conv.danger, echo_at=None))
    if draft.conv.stopped is Stopped.STOP:
        draft.change(stopped=Stopped.NO)
    finding = replace(finding, category=_category(draft, finding))
    if finding.tier is Tier.ELEVATED and finding.category == YOUNG:
        _say_who_is_for_the_young(draft)
        return
    if finding.tier.rank >= Tier.HIGH.rank:
        draft.do(CancelTimers(names=None))  # of the flow and of ordinary waiting
    card = cards.card_for(finding.category, finding.tier)
    is_due = finding.tier.rank >= Tier.HIGH.rank and _card_is_due(draft, finding.tier, card.lead)
    leads = _raise_tier(draft, finding, is_told=is_due)
    if finding.tier.rank < Tier.HIGH.rank:
        soft.ask(draft)
        return
    if draft.conv.status is Status.WAITING:
        set_closing_timer(draft)
    draft.drop_routine()
    draft.change(flow=None, asked=None, asked_at=None)
    if is_due:
        went = _give_card(draft, card, finding.category, finding.tier, _card_language(draft, finding, text))
    else:
        silence.break_silence(draft)
    draft.do(
        RaiseAlert(
            tier=finding.tier,
            category=finding.category,
            rules=(finding.rule,),
            matched=finding.matched,
            mid=mid,
            at=draft.now,
            leads=leads,
            card=None if not is_due else "waiting" if went else "blocked",
            call_for_them=finding.rule == CANNOT_CALL,
        )
    )


def _category(draft: Draft, finding: Finding) -> str:
    """Fire is told apart by its rule: another number leads. And whoever is watched by somebody dangerous stays so,
    also with "I'm in danger": what they are sent opens neutrally.
    """
    known = draft.conv.danger.category if draft.conv.danger and draft.conv.has_people else None
    if finding.category == cards.IN_DANGER and known and cards.is_discreet(known):
        return known
    is_fire = finding.category.startswith("E") and "fire" in f"{finding.category} {finding.rule}"
    return cards.FIRE if is_fire else finding.category


def _say_who_is_for_the_young(draft: Draft) -> None:
    """A calm writer who tells an age under 18: who is there for them, and no alert. A child in danger is a card
    like any other, and a guess that it is about a child is asked about like any other.
    """
    if draft.conv.status is Status.CLAIMED or draft.conv.elsewhere_since or silence.waits_in_danger(draft):
        silence.break_silence(draft)
        return
    text = draft.text("young.referral", draft.conv.language)
    draft.say_text(Purpose.SAFETY, text, draft.choice("menu.people_button", "people"))
    notice.give(draft, draft.choice("menu.people_button", "people"), short=True)


def _is_guess(draft: Draft, finding: Finding) -> bool:
    """Whether nobody knows which kind of danger it is: only that they asked for help, or said yes."""
    if finding.category == cards.IN_DANGER:
        return True
    known = draft.conv.danger is not None and draft.conv.tier.rank >= Tier.HIGH.rank
    was_guess = draft.conv.danger is None or draft.conv.danger.is_guess
    return finding.rule.startswith(("answer:", "word:")) and (was_guess or not known)


def _raise_tier(draft: Draft, finding: Finding, *, is_told: bool = False) -> bool:
    """Open a handoff at this tier, or lift the open one. A tier never falls by itself.

    True: its category leads from now on in what people are shown. That is so when the danger rises, when a card
    is due for it (`is_told`) at this tier, and when nobody knew before of which kind it is. A guess never takes the
    place of what is known.
    """
    rank, old, is_guess = finding.tier.rank, draft.conv.danger, _is_guess(draft, finding)
    says_more = old is not None and old.is_guess and not is_guess and rank >= Tier.HIGH.rank
    says_less = old is not None and is_guess and not old.is_guess
    is_newest = is_told and rank == draft.conv.tier.rank and not says_less
    leads = rank > draft.conv.tier.rank or is_newest or says_more
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
                category=finding.category if leads or not conv.handoff.category else conv.handoff.category,
                rules=tuple(dict.fromkeys((*conv.handoff.rules, finding.rule))),
                unanswered=True,
                muted_by=(),  # danger is heard by everybody
            )
        )
    danger = old or Danger(tier=finding.tier, category=finding.category, raised_at=draft.now)
    if rank >= danger.tier.rank:
        danger = draft.heard(replace(danger, tier=finding.tier))
    if leads or old is None or (rank >= old.tier.rank and not says_less):  # the short lines follow each sign
        danger = replace(danger, category=finding.category, is_guess=is_guess)
    draft.change(danger=danger)
    return leads


# The card.


def _give_card(draft: Draft, card: Card, category: str, tier: Tier, language: str | None) -> bool:
    """Say it. False: it is too late for the channel, and owed with the next message that comes in time."""
    danger = draft.conv.danger
    assert danger is not None  # noqa: S101 - set by _raise_tier
    leads = _leads(draft, danger, tier)
    shown = replace(danger, asked=cards.question(draft, card), card_at=draft.now, card_owed=False)
    draft.change(danger=shown)  # the buttons depend on it
    choices = silence.choices(draft, language)
    if not draft.say_text(Purpose.CARD, cards.card_text(draft, card, category, language), *choices):
        draft.change(danger=replace(danger, asked=None, card_owed=True))
        return False
    draft.change(danger=replace(shown, line_at=None, card_tier=tier, card_leads=(*leads, card.lead)))
    _after_card(draft, card, choices, language)
    return True


def give_owed_card(draft: Draft) -> None:
    """A card that could not go, because what they wrote came too late: it comes with what they do now."""
    danger = draft.conv.danger
    if danger is None or not danger.card_owed or not silence.waits_in_danger(draft):
        return
    if draft.conv.stopped is Stopped.NO and bot_may_write(draft.conv.last_inbound_at, draft.now):
        card = cards.card_for(danger.category, danger.tier)
        _give_card(draft, card, danger.category, danger.tier, draft.conv.language)


def _after_card(draft: Draft, card: Card, choices: tuple[Choice, ...], language: str | None) -> None:
    if card.asks:
        closed.told(draft)  # the closed card counts as the closed reply
    if draft.conv.status is not Status.CLAIMED:
        notice.give(draft, *choices, language=language, short=True)


def _leads(draft: Draft, danger: Danger, tier: Tier) -> tuple[str, ...]:
    """The numbers that lead what they have seen so far: forgotten when the danger rises or the card repeats."""
    rises = danger.card_tier is None or tier.rank > danger.card_tier.rank
    over = draft.conv.status is not Status.CLAIMED and not silence.is_recent(draft, danger.card_at)
    return () if rises or over else danger.card_leads


def _card_is_due(draft: Draft, tier: Tier, lead: str) -> bool:
    danger = draft.conv.danger
    if danger is None or danger.card_at is None or danger.card_tier is None:
        return True
    return lead not in _leads(draft, danger, tier)


def _card_language(draft: Draft, finding: Finding, text: str) -> str | None:
    """The student's language; None (both) when the message's and the chosen one differ, or none is known."""
    written = finding.language if finding.language in LANGUAGES else languages.guess(text)
    chosen = draft.conv.language
    if written and chosen and written != chosen and draft.conv.language_chosen:
        return None
    return written or chosen


def say_again(draft: Draft) -> bool:
    """Repeat what was said about danger, in the language they have just asked for. False: there is nothing."""
    danger = draft.conv.danger
    if danger is None or draft.conv.status is Status.CLAIMED:
        return False
    language = draft.conv.language
    if silence.waits_in_danger(draft) and danger.card_at is not None:
        card = cards.card_for(danger.category, danger.tier)
        text = cards.card_text(draft, card, danger.category, language)
        draft.change(danger=replace(danger, card_owed=False))
        return draft.say_text(Purpose.CARD, text, *silence.choices(draft, language))
    return danger.asked == "soft" and soft.say_question(draft)


def alerted(draft: Draft) -> None:
    """A channel took the alert: now, and only now, may the student be told so. It is pushed: only where safe."""
    if draft.conv.status is not Status.WAITING or not silence.waits_in_danger(draft):
        return
    if silence.may_push(draft):
        silence.say(draft, "card.alerted" if draft.is_open else "card.alerted_away", purpose=Purpose.ALERTED)


def owe_card(draft: Draft, finding: Finding, mid: str | None) -> None:
    """Raised and alerted, while nothing can be said: the card comes with what they write next."""
    leads = _raise_tier(draft, finding, is_told=True)
    assert draft.conv.danger is not None  # noqa: S101 - set by _raise_tier
    draft.change(danger=replace(draft.conv.danger, card_owed=True))
    draft.do(
        RaiseAlert(
            tier=finding.tier,
            category=finding.category,
            rules=(finding.rule,),
            mid=mid,
            at=draft.now,
            leads=leads,
            card="blocked",
        )
    )


def raise_quietly(draft: Draft, rule: str, *, mid: str | None = None, tier: Tier = Tier.HIGH) -> None:
    """Raised and alerted, with no card: "not sure", ten minutes' silence after the soft question, "I can't call"."""
    asked = draft.conv.danger
    finding = Finding(
        tier=tier,
        category=asked.category if asked else "C-indirect",
        rule=rule,
        matched=(),
        language=draft.conv.language,
    )
    _raise_tier(draft, finding)
    calls = rule == CANNOT_CALL
    draft.do(
        RaiseAlert(
            tier=tier,
            category=finding.category,
            rules=(rule,),
            mid=mid,
            at=draft.now,
            call_for_them=calls,
        )
    )
