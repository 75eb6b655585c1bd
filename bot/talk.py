"""The flow's part of a conversation: start it, answer it, and turn its outcome into effects."""

from __future__ import annotations

from datetime import timedelta

from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.effects import CancelTimers, Record, SetTimer, TellStaff
from bot.flow import run
from bot.handoff import open_handoff
from bot.messages import Purpose
from bot.wording import week_in_words

WELCOME, MENU = "welcome", "menu"
NO_CONSENT = timedelta(hours=24)


def facts(draft: Draft, language: str | None = None) -> run.Facts:
    """What a flow may ask about, and the words it may fill in."""
    conv = draft.conv
    speaks = language or conv.language
    page = draft.content.settings.page
    return run.Facts(
        language=speaks,
        open_now=draft.in_hours,
        answers=conv.answers,
        safe=conv.safe_to_message,
        fields={
            "page_name": page.name,
            "privacy_url": page.privacy_url,
            "contact_email": page.contact_email,
            "hours": lambda words: week_in_words(draft.content.settings.service_hours, words),
            "next_open": draft.next_open_words,
        },
    )


def begin(draft: Draft, flow: str | None = None) -> None:
    """Start a flow: the one named, or the welcome for somebody new and the menu for everybody else."""
    name = flow or (MENU if draft.conv.notice_at else WELCOME)
    if draft.conv.status is Status.CLOSED:
        draft.conv = draft.conv.moved(Status.BOT)
        draft.change(closed_at=None)
    if name == WELCOME:
        pass_notice(draft)
    _apply(draft, run.start(draft.content, name, facts(draft), draft.now))


def pass_notice(draft: Draft) -> None:
    """The notice is being given. Who does not go on after it is forgotten a day after the next opening."""
    draft.change(notice_at=draft.now)
    draft.do(SetTimer(name="consent", due_at=draft.next_opening + NO_CONSENT))


def answer(draft: Draft, text: str | None, payload: str | None) -> None:
    """The contact answered the step that waits."""
    state = draft.conv.flow
    if state is None:
        begin(draft)
        return
    outcome = run.answer(draft.content, state, text, payload, facts(draft), draft.now)
    if not outcome.understood and not outcome.says and outcome.goes is None:
        begin(draft, MENU)  # an old button whose step is gone
        return
    _apply(draft, outcome)


def silence(draft: Draft) -> None:
    """The step's `after` has come due: no answer came."""
    if draft.conv.flow is not None:
        _apply(draft, run.silence(draft.content, draft.conv.flow, facts(draft), draft.now))


def ask_again(draft: Draft) -> None:
    """Repeat the question that waits, for instance in another language."""
    if draft.conv.flow is not None:
        _apply(draft, run.ask_again(draft.content, draft.conv.flow, facts(draft), draft.now))


def notice_text(draft: Draft, language: str | None) -> str:
    """The confidentiality notice: what the welcome flow says first."""
    said = run.start(draft.content, WELCOME, facts(draft, language), draft.now).says
    return said[0].text if said else ""


def _apply(draft: Draft, outcome: run.Outcome) -> None:
    _save(draft, outcome.saves)
    draft.change(flow=outcome.state)
    for said in outcome.says:
        draft.say_text(Purpose.FLOW, said.text, *said.choices)
    draft.do(CancelTimers(names=frozenset({"flow"})))
    if outcome.after_minutes is not None and outcome.state is not None:
        draft.do(SetTimer(name="flow", due_at=draft.now + timedelta(minutes=outcome.after_minutes)))
    if outcome.goes == "people":
        draft.change(flow=None)
        open_handoff(draft)
    elif outcome.goes == "menu":
        _apply(draft, run.start(draft.content, MENU, facts(draft), draft.now))
    elif outcome.goes == "erase":
        draft.change(flow=None)
        ask_to_erase(draft)
    elif outcome.state is None and draft.conv.status is Status.BOT:
        draft.conv = draft.conv.moved(Status.CLOSED)
        draft.change(closed_at=draft.now)


def _save(draft: Draft, saves: dict[str, str]) -> None:
    if not saves:
        return
    draft.change(answers={**draft.conv.answers, **saves})
    if saves.get("language") in ("nb", "en"):
        draft.change(language=saves["language"], language_chosen=True)
    if "safe" in saves:
        draft.change(safe_to_message={"yes": True, "no": False}.get(saves["safe"]))
    if "interest" in saves:  # reaches the coordinator as a count and an audit line
        code = "".join(c for c in saves["interest"] if c.isalnum())[:20]
        draft.do(TellStaff(incident=f"interest_{code}"), Record(action="interest", by=None, detail=code))


def ask_to_erase(draft: Draft) -> None:
    """One confirming tap before anything is deleted; a person in danger is seen to first."""
    if draft.conv.tier.rank >= Tier.HIGH.rank:
        draft.change(erase_on_close=True)
        draft.say(Purpose.ANSWER, "erase.waits")
        return
    draft.change(asked="erase", asked_at=draft.now)
    draft.say(
        Purpose.ANSWER,
        "erase.question",
        draft.choice("erase.yes_button", "b:erase:yes"),
        draft.choice("erase.no_button", "b:erase:no"),
    )
