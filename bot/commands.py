"""The words that always work, and the bot's own questions.

Words are matched after risk reading, against the whole message, exactly (case, spaces and punctuation
aside), never by prefix or typo: a command that fires by mistake is worse than one more question.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from bot import danger, handoff, talk
from bot.conversation import Status, Stopped, Tier
from bot.draft import ROUTINE, Draft
from bot.effects import CancelTimers, CountFeedback, DropPending, Record
from bot.messages import Purpose
from bot.risk import Finding

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

# What counts as an answer to the bot's own questions, beside the buttons' titles.
SAID: Mapping[str, frozenset[str]] = {
    "yes": frozenset(
        {"ja", "yes", "jepp", "yep", "yeah", "ja det gjør jeg", "yes i am", "ok", "okei", "okay"}
    ),
    "no": frozenset({"nei", "no", "nope", "neida", "nei det gjør jeg ikke", "niks"}),
    "unsure": frozenset(
        {"vet ikke", "not sure", "i dont know", "usikker", "unsure", "kanskje", "maybe", "veit ikkje"}
    ),
    "some": frozenset({"litt", "a bit", "some", "a little"}),
    "skip": frozenset({"hopp over", "skip"}),
}
QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "alone": {"yes": "card.yes_button", "no": "card.no_button"},
    "near": {"yes": "card.yes_button", "no": "card.no_button"},
    "soft": {"yes": "soft.yes_button", "no": "soft.no_button", "unsure": "soft.unsure_button"},
    "help": {"danger": "help.danger_button", "talk": "help.talk_button", "wrong": "help.wrong_button"},
    "wait": {"yes": "queue.wait_yes_button", "no": "queue.wait_no_button", "help": "queue.wait_help_button"},
    "idle": {"still": "idle.still_button", "done": "idle.done_button"},
    "erase": {"yes": "erase.yes_button", "no": "erase.no_button"},
    "feedback": {a: f"feedback.{a}_button" for a in ("yes", "some", "no", "skip")},
    "unknown": {"talk": "unknown.talk_button", "menu": "unknown.menu_button"},
}
_OPENS_WITH = {"yes": ("ja", "yes", "jepp", "yeah"), "unsure": ("kanskje", "maybe", "usikker")}
SAFETY = frozenset({"alone", "near", "soft"})


def fold(text: str) -> str:
    """For comparing whole messages: no case, no punctuation, no emoji, single spaces."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    return " ".join(re.sub(r"[^\w ]+|_", " ", text).split())


def named(text: str | None, payload: str | None) -> str | None:
    """Which of the words this is, or None."""
    if payload is not None:
        return PAYLOADS.get(payload)
    folded = fold(text or "")
    return next((name for name, words in WORDS.items() if folded in words), None)


def asked(draft: Draft, text: str | None, payload: str | None) -> tuple[str, str] | None:
    """(question, answer) when this answers one of the bot's own questions, by button or in words."""
    if payload is not None:
        match = re.fullmatch(r"b:([a-z]+):([a-z]+)", payload)
        if match and match[2] in QUESTIONS.get(match[1], {}):
            return match[1], match[2]
        return None
    question = (draft.conv.danger.asked if draft.conv.danger else None) or draft.conv.asked
    titles = QUESTIONS.get(question or "")
    if question is None or titles is None:
        return None
    folded = fold(text or "")
    for answer, key in titles.items():
        shown = {fold(draft.content.texts.title(key, language)) for language in ("nb", "en")}
        if folded in shown or folded in SAID.get(answer, ()):
            return question, answer
    if question in SAFETY:  # "ja, hele tiden": a yes stays a yes; a long no is left to a person
        for answer in titles.keys() & _OPENS_WITH.keys():
            if folded.split(" ")[0] in _OPENS_WITH[answer]:
                return question, answer
    return None


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
            draft.change(stopped=Stopped.NO)
            handoff.open_handoff(draft)
        case "nb" | "en":
            _language(draft, name)
        case "language":
            _language(draft, "nb" if draft.conv.language == "en" else "en")
        case "start":
            _start(draft)


def _help(draft: Draft, mid: str | None) -> None:
    """Never throttled. In the queue, with a person, or after closing it also raises to high and alerts."""
    if draft.conv.status is not Status.BOT:
        danger.raise_quietly(draft, "word:help")
    draft.change(flow=None, asked="help", asked_at=draft.now)
    draft.say(
        Purpose.CARD,
        "help.card",
        *(draft.choice(key, f"b:help:{answer}") for answer, key in QUESTIONS["help"].items()),
    )


def _stop(draft: Draft) -> None:
    conv = draft.conv
    draft.do(DropPending(purposes=ROUTINE))
    if conv.has_people and conv.tier is not Tier.NONE:
        draft.change(flow=None, asked=None, stopped=Stopped.STOP)
        draft.say(Purpose.ANSWER, "stop.danger")
        return
    if conv.has_people:
        handoff.close(draft, None, "left_during" if conv.status is Status.CLAIMED else "left_before")
    draft.change(flow=None, asked=None, stopped=Stopped.STOP)
    draft.do(CancelTimers(names=frozenset({"flow", "wait:1", "wait:2", "idle"})))
    draft.say(Purpose.ANSWER, "stop.done")


def _pause(draft: Draft) -> None:
    """As STOP, and nothing by itself at all. The place in the queue and the alert stay."""
    disturbing = frozenset({"flow", "wait:1", "wait:2", "closing", "idle", "close", "elsewhere"})
    draft.do(DropPending(purposes=ROUTINE), CancelTimers(names=disturbing), Record(action="paused", by=None))
    draft.change(flow=None, asked=None, stopped=Stopped.PAUSE)
    draft.say(Purpose.ANSWER, "pause.done")


def _menu(draft: Draft) -> None:
    draft.change(stopped=Stopped.NO, asked=None)
    if draft.conv.status is Status.CLAIMED:
        handoff.say_place(draft)
    else:
        talk.begin(draft, talk.MENU if draft.conv.notice_at else None)


def _language(draft: Draft, language: str) -> None:
    draft.change(language=language, language_chosen=True)
    if draft.conv.flow is not None and draft.conv.status is not Status.CLAIMED:
        talk.ask_again(draft)
    else:
        draft.say(Purpose.ANSWER, "language.changed")


def _start(draft: Draft) -> None:
    if draft.conv.has_people:
        handoff.say_place(draft)
    else:
        draft.change(stopped=Stopped.NO)
        talk.begin(draft)


# The bot's own questions.


def settle(draft: Draft, question: str, answer: str, *, mid: str | None) -> None:
    """Do what the answer says. An old button of a question that is over does the same, where it still can."""
    if question in SAFETY:
        _safety_answer(draft, question, answer, mid)
        return
    draft.change(asked=None, asked_at=None)
    match question, answer:
        case "help", "danger":
            finding = Finding(
                tier=Tier.CRITICAL,
                category="O-danger",
                rule="answer:in_danger",
                matched=(),
                language=draft.conv.language,
            )
            danger.hit(draft, finding, mid=mid)
        case "help", "talk":
            handoff.open_handoff(draft)
        case "help", _:
            draft.say(Purpose.ANSWER, "help.wrong")
        case "wait", "yes":
            draft.say(Purpose.QUEUE, "queue.wait_thanks")
        case "wait", "no":
            _leave_queue(draft)
        case "wait", "help":
            obey(draft, "help", mid=mid)
        case "idle", "still":
            draft.say(Purpose.QUEUE, "idle.thanks")
        case "idle", _:
            _finish(draft)
        case "erase", "yes":
            _erase(draft)
        case "erase", _:
            draft.say(Purpose.ANSWER, "erase.kept")
        case "feedback", _:
            _feedback(draft, answer)
        case "unknown", "talk":
            handoff.open_handoff(draft)
        case "unknown", _:
            _menu(draft)


def _safety_answer(draft: Draft, question: str, answer: str, mid: str | None) -> None:
    if draft.conv.danger is None:  # an old button, after a person closed it: a new sign, not nothing
        obey(draft, "help", mid=mid)
        return
    danger.answer(draft, question, answer, mid=mid)


def _leave_queue(draft: Draft) -> None:
    if draft.conv.status is Status.WAITING and draft.conv.tier is Tier.NONE:
        handoff.close(draft, None, "left_before")
    draft.say(Purpose.ANSWER, "queue.left")


def _finish(draft: Draft) -> None:
    if draft.conv.has_people and draft.conv.tier is Tier.NONE:
        handoff.close(draft, None, "left_during")
    draft.say(Purpose.GOODBYE, "goodbye.idle")


def _erase(draft: Draft) -> None:
    if draft.conv.tier.rank >= Tier.HIGH.rank:
        talk.ask_to_erase(draft)
        return
    if draft.conv.has_people:
        handoff.close(draft, None, "left_during")
    handoff.erase(draft)


def _feedback(draft: Draft, answer: str) -> None:
    if answer in ("yes", "some", "no"):
        draft.do(CountFeedback(answer=answer))  # type: ignore[arg-type]
    draft.say(Purpose.GOODBYE, "feedback.thanks")
