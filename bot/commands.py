"""The words that always work, and the bot's own questions.

Words are matched after risk reading, against the whole message, exactly (case, spaces and punctuation
aside), never by prefix or typo: a command that fires by mistake is worse than one more question.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot import closed, consent, danger, erasure, handoff, notice, queue, safety, talk
from bot.answers import QUESTIONS, SAFETY, fold
from bot.conversation import Status, Stopped, Tier
from bot.draft import ROUTINE, Draft
from bot.effects import CancelTimers, CountFeedback, DropPending, HoldBack, Record
from bot.messages import Purpose

WORDS: Mapping[str, frozenset[str]] = {
    "help": frozenset({"help", "hjelp"}),
    "stop": frozenset({"stop", "stopp"}),
    "pause": frozenset({"pause"}),
    "erase": frozenset({"delete", "slett"}),
    "menu": frozenset({"menu", "meny"}),
    "people": frozenset({"human", "menneske", "prate", "prat", "talk", "person"}),
    "nb": frozenset({"norsk", "norwegian", "bokmål", "bokmal"}),
    "en": frozenset({"english", "engelsk"}),
}
PAYLOADS: Mapping[str, str] = {name: name for name in WORDS} | {
    "start": "start",  # Get started
    "language": "language",  # the persistent menu's "English" / "Norsk"
}


def named(text: str | None, payload: str | None) -> str | None:
    """Which of the words this is, or None."""
    if payload is not None:
        return PAYLOADS.get(payload)
    folded = fold(text or "")
    return next((name for name, words in WORDS.items() if folded in words), None)


# The words.


def obey(draft: Draft, name: str, *, mid: str | None) -> None:
    """Do what the word says, in whatever state the conversation is."""
    match name:
        case "help":
            _help(draft, mid)
        case "stop":
            _stop(draft)
        case "pause":
            _pause(draft)
        case "erase":
            talk.ask_to_erase(draft)
        case "menu":
            _menu(draft)
        case "people":
            queue.resume(draft)
            queue.open_handoff(draft)
        case "nb" | "en":
            _language(draft, name)
        case "language":
            _language(draft, "nb" if draft.conv.language == "en" else "en")
        case "start":
            _start(draft)


def _help(draft: Draft, mid: str | None) -> None:
    """Never throttled. In the queue, with a person (in Meta's inbox too), or after closing it also raises to
    high and alerts.

    The flow waits meanwhile: after "wrong button" it goes on.
    """
    if draft.conv.status is not Status.BOT or draft.conv.elsewhere_since:
        danger.raise_quietly(draft, "word:help", mid=mid)
        draft.change(flow=None)
    draft.do(CancelTimers(names=frozenset({"flow"})))
    draft.change(asked="help", asked_at=draft.now)
    choices = [draft.choice(key, f"b:help:{answer}") for answer, key in QUESTIONS["help"].items()]
    draft.say(Purpose.CARD, "help.card", *choices)
    if draft.conv.status is not Status.CLAIMED:
        notice.give(draft, *choices)
        closed.reply(draft, *choices)


def _stop(draft: Draft) -> None:
    conv = draft.conv
    draft.do(DropPending(purposes=ROUTINE))
    if conv.has_people and conv.tier is not Tier.NONE:
        stopped = Stopped.PAUSE if conv.stopped is Stopped.PAUSE else Stopped.STOP
        draft.change(flow=None, asked=None, stopped=stopped)
        draft.say(Purpose.ANSWER, "stop.danger")
        return
    if conv.has_people:
        handoff.close(draft, None, _left(draft))
    draft.change(flow=None, asked=None, stopped=Stopped.STOP, elsewhere_waits_since=None)
    draft.do(CancelTimers(names=frozenset({"flow", "wait:1", "wait:2", "idle", "elsewhere"})))
    draft.say(Purpose.ANSWER, "stop.done")


def _pause(draft: Draft) -> None:
    """As STOP, and nothing by itself at all (see `timers`); a person's words that wait must be confirmed too.

    The place in the queue and the alert stay.
    """
    draft.do(DropPending(purposes=ROUTINE), HoldBack(), Record(action="paused", by=None))
    draft.change(flow=None, asked=None, stopped=Stopped.PAUSE)
    draft.say(Purpose.ANSWER, "pause.done")


def _menu(draft: Draft) -> None:
    queue.resume(draft)
    draft.change(asked=None, asked_at=None)
    if draft.conv.status is Status.CLAIMED:
        queue.say_place(draft)
    else:
        talk.begin(draft)


def _language(draft: Draft, language: str) -> None:
    """What waits for an answer is said again in the other language."""
    draft.change(language=language, language_chosen=True)
    if draft.conv.status is Status.CLAIMED:
        draft.say(Purpose.ANSWER, "language.changed")
    elif danger.say_again(draft):
        return
    elif draft.conv.flow is not None:
        closed.reply(draft)
        talk.language_changed(draft)
    elif draft.conv.notice_at is None:
        talk.begin(draft)
    else:
        draft.say(Purpose.ANSWER, "language.changed")


def _start(draft: Draft) -> None:
    queue.resume(draft)
    if draft.conv.has_people:
        queue.say_place(draft)
    else:
        talk.begin(draft)


# The bot's own questions.


def settle(draft: Draft, question: str, answer: str, *, mid: str | None, text: str = "") -> None:
    """Do what the answer says; `text`: as typed. An old button does the same, where it still can."""
    if question in SAFETY:
        _safety_answer(draft, question, answer, mid, text)
        return
    draft.change(asked=None, asked_at=None)
    if question == "erase":
        draft.change(erase_asked_at=None)
    match question, answer:
        case "help", "danger":
            safety.in_danger(draft, mid)
        case "help", "talk":
            queue.open_handoff(draft)
        case "help", _:
            draft.say(Purpose.ANSWER, "help.wrong")
            if draft.conv.status is not Status.CLAIMED:
                talk.ask_again(draft)
        case "wait", "no":
            _leave(draft, "queue.left")
        case "wait", "help":
            obey(draft, "help", mid=mid)
        case "wait", _ if draft.conv.status is Status.WAITING:
            draft.say(Purpose.QUEUE, "queue.wait_thanks")
        case "wait", _:  # an old button: the wait is over
            _menu(draft)
        case "idle", "still":
            draft.say(Purpose.QUEUE, "idle.thanks")
        case "idle", _:
            _leave(draft, "goodbye.idle")
        case "erase", "yes":
            _erase(draft)
        case "erase", _ if draft.conv.erasing is None:
            draft.change(erase_on_close=False)
            draft.say(Purpose.ANSWER, "erase.kept")
        case "history", _:
            consent.history_answered(draft, answer == "yes")
        case "keep", _:
            consent.note_answered(draft, answer == "yes")
        case "feedback", _:
            _feedback(draft, answer)


def _safety_answer(draft: Draft, question: str, answer: str, mid: str | None, text: str) -> None:
    if draft.conv.danger is None and question not in ("soft", "call"):
        obey(
            draft, "help", mid=mid
        )  # an old card's button, after a person closed it: a new sign, not nothing
    else:
        safety.answer(draft, question, answer, mid=mid, text=text)


def _leave(draft: Draft, key: str) -> None:
    """They do not want to wait or go on. Who may be in danger keeps the place, and is told so."""
    if draft.conv.tier is not Tier.NONE:
        draft.say(Purpose.ANSWER, "queue.left_flagged")
        return
    if draft.conv.has_people:
        handoff.close(draft, None, _left(draft))
    draft.say(Purpose.GOODBYE, key)


def _left(draft: Draft) -> str:
    """The outcome when the student ends it."""
    return "left_during" if draft.conv.status is Status.CLAIMED else "left_before"


def _erase(draft: Draft) -> None:
    if draft.conv.erasing is not None:
        return  # the receipt is on its way
    if draft.conv.tier.rank >= Tier.HIGH.rank:
        talk.ask_to_erase(draft)
        return
    if draft.conv.has_people:
        handoff.close(draft, None, _left(draft))
    if draft.conv.erasing is None:
        erasure.erase(draft)


def _feedback(draft: Draft, answer: str) -> None:
    if answer in ("yes", "some", "no"):
        draft.do(CountFeedback(answer=answer))  # type: ignore[arg-type]
    draft.say(Purpose.GOODBYE, "feedback.thanks")
