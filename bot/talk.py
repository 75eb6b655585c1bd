"""The flow's part of a conversation: start it, answer it, and turn its outcome into effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import closed, danger, notice
from bot.cards import IN_DANGER
from bot.conversation import Status, Tier
from bot.draft import Draft
from bot.effects import CancelTimers, Record, SetTimer, TellStaff
from bot.facts import facts
from bot.flow import edges, run
from bot.flow.edges import Edge
from bot.flow.model import MENU, WELCOME, DangerMark
from bot.messages import Purpose
from bot.queue import open_handoff
from bot.risk import Finding
from bot.versions import fate

if TYPE_CHECKING:
    from bot.content import Content


def begin(draft: Draft, flow: str | None = None) -> None:
    """Start a flow: the one named, or the welcome for somebody new and the menu for everybody else."""
    name = flow or (MENU if draft.conv.notice_at else WELCOME)
    if draft.conv.status is Status.CLOSED:
        draft.conv = draft.conv.moved(Status.BOT)
        draft.change(closed_at=None)
    closed.reply(draft)
    outcome = _started(draft, name)
    if name == WELCOME:
        notice.give(draft)
        outcome = replace(outcome, says=outcome.says[1:])  # its first text is the notice
    _apply(draft, outcome)


def answer(draft: Draft, text: str | None, payload: str | None) -> None:
    """The contact answered the step that waits. No text and no payload: something that is not words.

    What is not understood counts as a try, so nobody is asked without end.
    """
    state = draft.conv.flow
    if state is None:
        begin(draft)
        return
    if _was_moved(draft):
        return
    state = draft.conv.flow or state
    outcome = _outcome(
        draft, lambda script: run.answer(script, state, text, payload, facts(draft), draft.now)
    )
    if not outcome.understood and not outcome.says and outcome.goes is None:
        begin(draft, MENU)  # an old button whose step is gone
        return
    _apply(draft, outcome)


def is_understood(draft: Draft, text: str) -> bool:
    """Whether these words pick one of the choices that wait."""
    state = draft.conv.flow
    return state is not None and run.picks(draft.script, state, text)


def knows(draft: Draft, payload: str) -> bool:
    """Whether this payload is that of a step's button which still means something."""
    return payload.startswith("f:") and run.knows(draft.script, payload)


def means_danger(draft: Draft, text: str | None, payload: str | None) -> Finding | None:
    """What a button of a flow means that stands for danger, in whatever state, also when its title is written."""
    if payload is not None:
        mark = run.marked(draft.script, payload) or run.marked(draft.content, payload)
        marks = [mark] if mark else []
    else:
        marks = run.marked_in_words(draft.script, draft.conv.flow, text or "")
    if not marks:
        return None
    if len(marks) == 1:
        flow, step, choice = marks[0][0].split(".")
        draft.took(Edge(flow, step, edges.choice(choice)))
    found = max((_finding(*each) for each in marks), key=lambda each: each.tier.rank)
    same = len({mark.category for _, mark in marks}) == 1
    return found if same else replace(found, category=IN_DANGER)  # one title, several meanings


def _finding(where: str, mark: DangerMark) -> Finding:
    return Finding(
        tier=Tier(mark.tier), category=mark.category, rule=f"flow:{where}", matched=(), language=None
    )


def silence(draft: Draft) -> None:
    """The step's `after` has come due: no answer came."""
    state = draft.conv.flow
    if draft.is_lost:
        _to_people(draft)
    elif state is not None:
        _apply(draft, _outcome(draft, lambda script: run.silence(script, state, facts(draft), draft.now)))


def ask_again(draft: Draft) -> None:
    """Repeat the question that waits, for instance in another language."""
    state = draft.conv.flow
    if state is not None and not _was_moved(draft):
        state = draft.conv.flow or state
        _apply(draft, _outcome(draft, lambda script: run.ask_again(script, state, facts(draft), draft.now)))


def language_changed(draft: Draft) -> None:
    """Repeat the question that waits in the new language. If it asked for the language, this answers it."""
    conv = draft.conv
    flow = draft.script.flows.get(conv.flow.at.flow) if conv.flow else None
    step = flow.steps.get(conv.flow.at.step) if flow and conv.flow else None
    if step is not None and step.save == "language":
        answer(draft, conv.language, None)
    else:
        ask_again(draft)


def _started(draft: Draft, name: str) -> run.Outcome:
    """A flow begins, always one of the newest set; the conversation stays on that set while it is in it."""
    draft.change(flow_set=draft.content.number)
    return run.start(draft.content, name, facts(draft), draft.now)


def _was_moved(draft: Draft) -> bool:
    """Whether something published since the flow began takes the conversation away from the step that waits."""
    state, number, earlier = draft.conv.flow, draft.flow_set, draft.world.earlier
    if state is None or number is None:
        return False
    if draft.is_lost or earlier is None:
        _to_people(draft)
        return True
    goes = fate(earlier, number, state)
    if goes.state is None:
        _to_people(draft)
        return True
    draft.change(flow_set=goes.flow_set, flow=goes.state)
    if not goes.asks:
        return False
    at, returns = goes.state.at, goes.state.returns
    _apply(
        draft,
        _outcome(draft, lambda script: run.enter(script, at.flow, at.step, returns, facts(draft), draft.now)),
    )
    return True


def _to_people(draft: Draft) -> None:
    draft.change(flow=None)
    draft.do(CancelTimers(names=frozenset({"flow"})), Record(action="flow_handed_over", by=None))
    open_handoff(draft)


def _outcome(draft: Draft, take: Callable[[Content], run.Outcome]) -> run.Outcome:
    """What the steps lead to. A text of an earlier set may name a service that is gone: a person answers then."""
    script = draft.script
    try:
        return take(script)
    except KeyError:
        if script is draft.content:
            raise
        return run.Outcome(goes="people")


def _apply(draft: Draft, outcome: run.Outcome) -> None:
    draft.took(*outcome.ways)
    _save(draft, outcome.saves)
    if outcome.danger is not None:  # the card is what is said now
        danger.hit(draft, _finding(*outcome.danger), mid=None)
        return
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
        _apply(draft, _started(draft, MENU))
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
        draft.change(safe_to_message=saves["safe"] == "yes")  # "not sure" counts as no
    if "interest" in saves:  # reaches the coordinator as a count and an audit line
        code = "".join(c for c in saves["interest"] if c.isalnum())[:20]
        draft.do(TellStaff(incident=f"interest_{code}"), Record(action="interest", by=None, detail=code))


def ask_to_erase(draft: Draft) -> None:
    """One confirming tap before anything is deleted; a person in danger is seen to first."""
    keep = draft.choice("erase.no_button", "b:erase:no")
    if draft.conv.tier.rank >= Tier.HIGH.rank:
        draft.change(erase_on_close=True)
        draft.say(Purpose.ANSWER, "erase.waits", keep)
        return
    draft.change(asked="erase", asked_at=draft.now, erase_asked_at=draft.now)
    draft.say(Purpose.ANSWER, "erase.question", draft.choice("erase.yes_button", "b:erase:yes"), keep)
