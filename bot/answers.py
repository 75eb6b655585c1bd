"""Which of the bot's own questions somebody answers: by button, by its title, or in words that mean the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot import silence
from bot.draft import Draft

# What counts as an answer to the bot's own questions, beside the buttons' titles.
SAID: Mapping[str, frozenset[str]] = {
    "yes": frozenset({"ja", "yes", "jepp", "yep", "yeah", "ja det gjør jeg", "yes i am"}),
    "no": frozenset({"nei", "no", "nope", "neida", "nei det gjør jeg ikke", "niks"}),
    "unsure": frozenset(
        {
            *(
                "vet ikke",
                "jeg vet ikke",
                "veit ikkje",
                "eg veit ikkje",
                "usikker",
                "kanskje",
                "not sure",
                "im not sure",
            ),
            *("i dont know", "dont know", "unsure", "maybe"),
        }
    ),
    "some": frozenset({"litt", "a bit", "some", "a little"}),
    "skip": frozenset({"hopp over", "skip"}),
}
ALSO_YES: Mapping[str, frozenset[str]] = {
    "wait": frozenset({"ok", "okei", "okay"})
}  # too little for the rest
QUESTIONS: Mapping[str, Mapping[str, str]] = {
    **silence.QUESTIONS,
    "help": {"danger": "help.danger_button", "talk": "help.talk_button", "wrong": "help.wrong_button"},
    "wait": {"yes": "queue.wait_yes_button", "no": "queue.wait_no_button", "help": "queue.wait_help_button"},
    "idle": {"still": "idle.still_button", "done": "idle.done_button"},
    "erase": {"yes": "erase.yes_button", "no": "erase.no_button"},
    "history": {"yes": "history.yes_button", "no": "history.no_button"},
    "keep": {"yes": "keep.yes_button", "no": "keep.no_button"},
    "feedback": {a: f"feedback.{a}_button" for a in ("yes", "some", "no", "skip")},
}
# Who cannot call, or not speak, says so in many ways, and often why. Of themselves, and not of calling a mother.
_CANNOT = re.compile(
    r"(?:^|\b(?:jeg|eg|i|og|men|but|and|so|nei|no|sorry) )(?:"
    r"(?:kan|tør|torer|klarer|klarar|greier|får) (?:ikke|ikkje) (?:å )?(?:ringe|ringt|ringa)\b"
    r"(?! (?:ham|henne|mamma|pappa|mor|far|moren|faren|foreldre|søster|bror|venn))"
    r"|(?:cant|cannot|can not|dont dare(?: to)?|am not able to|am unable to) (?:make a )?(?:phone )?(?:call|phone)\b"
    r"(?! (?:him|her|them|my (?:mum|mom|mother|dad|father|parents|sister|brother|friend)))"
    r"|(?:kan|tør|får) (?:ikke|ikkje) (?:snakke|snakka|snakket|prate|prata|pratet)(?: (?:nå|no|her|høyt|i telefonen))*$"
    r"|(?:cant|cannot|can not) (?:talk|speak)(?: (?:right|now|here|out loud|on the phone))*$)"
)
_OPENS_WITH = {
    "yes": ("ja", "yes", "jepp", "yeah"),
    "no": ("nei", "no", "nope"),
    "unsure": ("kanskje", "maybe", "usikker"),
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that alone say yes to the soft question: how often, or when. The small ones only beside them.
_OFTEN = _words(
    "ofte ganger gonger innimellom iblant stadig alltid tiden tida til dag dagen natt natta kveld kvelden morgen uke"
    " veke mye mykje litt nå sometimes often always day night evening week time lot bit now tonight do constantly daily"
)
_SMALL = _words(
    "noen nokre hele heile hver kvar av og i på om bare berre det every all the a at in just nesten almost"
)
# Behind a "no" these keep the soft question open: it is no plain no.
_HEDGES = _words(
    "ikke ikkje men egentlig eigentleg akkurat helt heilt tror trur vet veit kanskje alltid lenger ennå enda nå no"
    " dag kveld not dont but really exactly yet today tonight think know maybe always anymore now"
)
SAFETY = frozenset(silence.QUESTIONS)
# Answered whoever has the conversation; the other questions are the bot's small talk.
ALWAYS = SAFETY | {"help", "erase", "idle", "history", "keep"}
OPEN_FOR = timedelta(hours=24)  # how long a typed word may answer; a button always may


def fold(text: str) -> str:
    """For comparing whole messages: no case, no punctuation, no emoji, single spaces."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    return " ".join(re.sub(r"[^\w ]+|_", " ", text).split())


def asked(draft: Draft, text: str | None, payload: str | None) -> tuple[str, str] | None:
    """(question, answer) when this answers one of the bot's own questions, by button or in words."""
    if payload is not None:
        match = re.fullmatch(r"b:([a-z]+):([a-z]+)", payload)
        if match and match[2] in QUESTIONS.get(match[1], {}):
            return match[1], match[2]
        return None
    if text and _is_open(draft, draft.conv.erase_asked_at):
        named = titled(draft, "erase", fold(text))  # nobody else asks that: it holds, whatever was said since
        if named is not None:
            return "erase", named
    for question in _open_questions(draft):
        answer = _typed_answer(draft, question, fold(text or ""))
        if answer is not None:
            return question, answer
    return None


def _open_questions(draft: Draft) -> list[str]:
    """What the bot has asked and not been answered, the latest first."""
    conv = draft.conv
    found = []
    if conv.asked and _is_open(draft, conv.asked_at):
        found.append(conv.asked)
    if conv.danger and conv.danger.asked and conv.flow is None:  # a flow that runs has asked since
        found += {conv.danger.asked.removesuffix("_over")} & SAFETY
    if any(choice.payload == "b:call:cannot" for choice in silence.choices(draft, None)):
        found.insert(0, "call")  # its words are plain: "no, I can't call" is no answer to what came before
    elif conv.danger and conv.danger.asked == "place":
        found.append("call")  # they may say it again
    return found


def _is_open(draft: Draft, asked_at: datetime | None) -> bool:
    return asked_at is not None and draft.now - asked_at <= OPEN_FOR


def titled(draft: Draft, question: str, folded: str) -> str | None:
    """The answer whose button says these words."""
    texts = draft.content.texts
    for answer, key in QUESTIONS[question].items():
        if folded in {fold(texts.title(key, language)) for language in ("nb", "en")}:
            return answer
    return None


def _typed_answer(draft: Draft, question: str, folded: str) -> str | None:
    titles = QUESTIONS[question]
    answer = titled(draft, question, folded)
    if answer is not None:
        return answer
    if question == "call":
        return "cannot" if _CANNOT.search(folded) else None
    for answer in titles:
        if folded in SAID.get(answer, ()):
            return answer
    if "yes" in titles and folded in ALSO_YES.get(question, ()):
        return "yes"
    if question not in SAFETY:
        return None
    first, _, rest = folded.partition(" ")
    for answer in titles.keys() & _OPENS_WITH.keys():
        if first in _OPENS_WITH[answer]:  # "ja, hele tiden" stays a yes
            return None if (question, answer) == ("soft", "no") and _HEDGES & set(rest.split()) else answer
    if "unsure" in titles and any(folded.startswith(f"{each} ") for each in SAID["unsure"]):
        return "unsure"
    words = set(folded.split())
    if question == "soft" and words <= _OFTEN | _SMALL and words & _OFTEN:
        return "yes"
    return None
