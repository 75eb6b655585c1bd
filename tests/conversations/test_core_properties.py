"""Whatever happens, in whatever order: the rules of conduct hold. What they are is in `random_talk`."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_talk import COMMANDS, WORDS_OF_DANGER, RandomTalk
from talk_support import oslo, shipped

CONTENT = shipped()

TEXTS = (
    *(
        "hei på dere",
        "hello, can I talk to somebody",
        "asdf qwer",
        "ok",
        "takk",
        "ja",
        "nei, ikke akkurat",
        "nei",
    ),
    *(
        "vet ikke",
        "litt",
        "1",
        "prate med noen",
        "jeg har ikke noen å spise lunsj med",
        "better off without me",
    ),
    *("kms lol", "jeg er i fare"),
)
STARTS = (
    *("2026-11-25 09:00", "2026-11-25 12:00", "2026-11-26 10:30", "2026-11-27 14:00", "2027-06-01 11:00"),
    *("2026-11-25 19:55", "2026-11-25 23:30", "2026-11-29 04:00", "2026-12-24 10:00", "2027-03-24 19:58"),
)
SPANS = (
    *(timedelta(seconds=1), timedelta(minutes=4), timedelta(minutes=11), timedelta(minutes=16)),
    *(timedelta(minutes=45), timedelta(hours=3), timedelta(hours=13), timedelta(hours=25), timedelta(days=4)),
)
DEEDS = (
    "claim",
    "reply",
    "reply_confirmed",
    "release",
    "offer",
    "accept",
    "decline",
    "take_over",
    "know",
    "gone",
    "close",
    "lower",
    "give_back",
    "alerted",
)
QUIET_THINGS = (
    "withdraws",
    "reacts",
    "inbox",
    "taken",
    "passed",
    "flow",
    "closed",
    "queue",
    "notice",
    "receipt",
)

# Where a conversation may stand before anything else happens.
HELLO: list = [("writes", "hei på dere")]
QUEUED = [*HELLO, ("writes", "prate")]
CLAIMED = [*QUEUED, ("staff", ("claim", 0))]
DANGER = [("writes", "jeg vil ta livet mitt")]
STANDS = (
    *([], HELLO, QUEUED, CLAIMED, DANGER, [*QUEUED, *DANGER], [*CLAIMED, *DANGER]),
    *(
        [*CLAIMED, ("staff", ("reply", 0))],
        [*CLAIMED, ("staff", ("close", 0))],
        [*QUEUED, ("quietly", "inbox")],
    ),
    *([*DANGER, ("staff", ("claim", 0))], [*DANGER, ("staff", ("claim", 0)), ("staff", ("reply", 0))]),
    *([*QUEUED, ("passes", timedelta(minutes=16)), ("staff", ("claim", 0))], [("writes", "kms lol")]),
    *(
        [*HELLO, ("writes", "slett"), ("writes", "ja")],
        [*QUEUED, ("writes", "PAUSE")],
        [*DANGER, ("writes", "PAUSE")],
    ),
    *(
        [*CLAIMED, ("writes", "PAUSE")],
        [*CLAIMED, ("staff", ("reply", 0)), ("writes", "PAUSE")],
        [*DANGER, ("writes", "slett")],
        [*QUEUED, ("writes", "HJELP")],
    ),
)

numbers = st.integers(0, 200)
steps = st.one_of(
    st.tuples(st.just("writes"), st.sampled_from(TEXTS)),
    st.tuples(st.just("writes"), st.sampled_from(COMMANDS)),
    st.tuples(st.just("writes"), st.sampled_from(WORDS_OF_DANGER)),
    st.tuples(st.just("taps_the_last"), numbers),
    st.tuples(st.just("taps"), numbers),
    st.tuples(st.just("sends"), st.sampled_from(("image", "audio", "like"))),
    st.tuples(st.just("edits"), st.sampled_from((*WORDS_OF_DANGER, "hei igjen"))),
    st.tuples(st.just("quietly"), st.sampled_from(QUIET_THINGS)),
    st.tuples(st.just("writes_with_a_wrong_clock"), st.sampled_from((-40, -3, 2, 70))),
    st.tuples(st.just("passes"), st.sampled_from(SPANS)),
    st.tuples(st.just("passes"), st.sampled_from(SPANS[4:])),
    st.tuples(st.just("is_down"), st.sampled_from(SPANS)),
    st.tuples(st.just("staff"), st.tuples(st.sampled_from(DEEDS), st.integers(0, 1))),
    st.tuples(st.just("staff"), st.tuples(st.sampled_from(DEEDS), st.just(0))),
    st.tuples(st.just("duty"), st.sampled_from(((), (1,), (1, 2)))),
)


@settings(max_examples=1000, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    start=st.sampled_from(STARTS),
    stands=st.sampled_from(STANDS),
    happens=st.lists(steps, min_size=3, max_size=30),
)
def test_rules_of_conduct_hold_whatever_happens(start: str, stands: list, happens: list) -> None:
    talk = RandomTalk(CONTENT, oslo(start))
    for step, value in [*stands, *happens]:
        talk.do(step, value)
    talk.a_person_can_be_reached()
