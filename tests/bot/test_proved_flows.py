"""What `check` accepts never strands anybody, whoever answers what: proved on flows made at random, run by the bot."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from content_files import files
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_talk import RandomTalk

from bot.checks import check
from bot.content import load_content
from bot.conversation import Status
from bot.flow.walk import Walk

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday, open
WORDS = {"nb": "Hva vil du si om dette?", "en": "What would you like to say?"}
BYE = {"nb": "Ha det fint.", "en": "Take care."}
STEPS = 5


@st.composite
def _step(draw: st.DrawFn, number: int, name: str, below: list[str]) -> dict[str, Any]:
    """Leads to later steps and to places more often than back."""
    later = [f"s{n}" for n in range(number + 1, STEPS)]
    goto = st.sampled_from([*later, *later, "people", "menu", "bye", f"s{draw(st.integers(0, STEPS - 1))}"])
    kind = draw(st.sampled_from(["say", "choices", "choices", "write", "call", "when"]))
    step: dict[str, Any] = {"goto": draw(goto)}
    if kind in ("say", "choices", "write"):
        step["say"] = WORDS
    if kind == "choices":
        ids = draw(st.lists(st.sampled_from(["red", "blue", "green"]), min_size=1, max_size=3, unique=True))
        step["choices"] = [
            {"id": each, "nb": f"{each} {name}", "en": f"{each} {number}{name}", "goto": draw(goto)}
            for each in ids
        ]
        step["save"] = draw(st.sampled_from(["topic", "mood"]))
        if draw(st.booleans()):
            step["otherwise"] = {"tries": draw(st.integers(0, 2)), "goto": draw(goto)}
        if draw(st.booleans()):
            step["after"] = {"minutes": 5, "goto": draw(goto)}
    elif kind == "write":
        step |= {"write": "about", "optional": draw(st.booleans())}
    elif kind == "call" and below:
        step["call"] = draw(st.sampled_from(below))
    elif kind == "when":
        condition = draw(st.sampled_from([{"open": True}, {"language": "en"}, {"topic": ["red", "blue"]}]))
        step["when"] = [{"if": condition, "goto": draw(goto)}]
    return step


@st.composite
def _flows(draw: st.DrawFn) -> dict[str, str]:
    made = {}
    for name, below in (("intake", ["other"]), ("other", [])):
        steps = {f"s{n}": draw(_step(n, name, below)) for n in range(STEPS)}
        steps["bye"] = {"say": BYE, "goto": "end"}
        made[name] = json.dumps({"flow": name, "start": "s0", "steps": steps}, indent=1)
    return made


acts = st.lists(
    st.one_of(
        st.tuples(st.just("writes"), st.sampled_from(["qwxz qwxz", "1", "red intake", "skip", "blue"])),
        st.tuples(st.just("taps_the_last"), st.integers(0, 5)),
        st.tuples(st.just("taps"), st.integers(0, 30)),
        st.tuples(st.just("sends"), st.just("sticker")),
        st.tuples(st.just("passes"), st.just(timedelta(minutes=6))),
    ),
    max_size=8,
)
# The mistakes that make no difference to where anybody ends up.
_OF_NO_MATTER = {"unreached", "uncalled", "taps"}


@settings(max_examples=25, deadline=None)
@given(_flows(), acts, st.lists(st.sampled_from(["writes", "sends"]), min_size=60, max_size=60))
def test_what_check_accepts_never_strands_anybody(
    made: dict[str, str], given_acts: list[tuple[str, Any]], stubborn: list[str]
) -> None:
    given_files = files(**made)
    assume(not [each for each in check(given_files) if each.kind not in _OF_NO_MATTER])
    content = load_content(given_files)
    known = {(node.state.at, node.state.returns) for node in Walk(content).nodes}
    talk = RandomTalk(content, NOW)
    talk.writes("hei")
    for act, value in given_acts:
        talk.do(act, value)  # which checks that nobody who writes meets silence
        if talk.conv.flow is not None and act != "taps":  # an old button forgets who called its flow
            assert (talk.conv.flow.at, talk.conv.flow.returns) in known
        elif act == "taps":
            break
    before = talk.conv
    for act in stubborn:  # answers nothing that is asked
        if _has_ended(talk):
            break
        talk.do(act, "qwxz qwxz" if act == "writes" else "sticker")
    assert _has_ended(talk), before.flow
    talk.a_person_can_be_reached()


def _has_ended(talk: RandomTalk) -> bool:
    return talk.conv.has_people or talk.conv.status is Status.CLOSED or talk.conv.asked == "erase"
