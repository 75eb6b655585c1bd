"""What is answered to the questions about safety, in taps and in words, and to those who cannot call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from signs import Talk, sign, signs_content
from talk_support import oslo

from bot import danger, handoff
from bot.content import load_content
from bot.conversation import Status, Stopped, Tier
from bot.draft import Draft
from bot.effects import AddEntry, MarkCard, RaiseAlert
from bot.events import AttachmentReceived, MessageEdited, SendSettled, TextReceived, TimerDue
from bot.handoff import Person
from bot.messages import Purpose

CONTENT = signs_content()
OPEN, NIGHT = oslo("2026-11-25 12:00"), oslo("2026-11-29 03:00")
HEAVY = sign("C", "elevated")


def talk(at=OPEN, on_duty=(1,), language="nb") -> Talk:
    return Talk(CONTENT, at, on_duty=on_duty, language=language)


def claimed(writer: Talk, *, answered: bool = False) -> Talk:
    draft = Draft(writer.conv, CONTENT, writer.world, writer.now)
    handoff.claim(draft, Person(id=1, alias="Amalie"))
    if answered:
        handoff.reply(draft, Person(id=1, alias="Amalie"), "Hei", confirmed=True)
    writer.conv = draft.conv
    return writer


# The soft question.


@pytest.mark.parametrize(
    "typed",
    [
        "ja",
        "Ja.",
        "yes",
        "ja, av og til",
        "av og til",
        "noen ganger",
        "hver dag",
        "sometimes",
        "nå",
        "jepp",
        "hele tiden",
    ],
)
def test_yes_in_words_gets_the_card_for_suicide(typed):
    writer = talk().writes(HEAVY).writes(typed)
    assert writer.messages[0].purpose is Purpose.CARD and writer.conv.tier is Tier.HIGH
    assert writer.conv.danger.category == "B-suicidal" and writer.alerts


@pytest.mark.parametrize(
    "typed", ["vet ikke", "Vet ikke helt", "usikker", "jeg vet ikke", "I don't know", "kanskje", "maybe"]
)
def test_not_sure_in_words_is_high_and_answered(typed):
    writer = talk().writes(HEAVY).writes(typed)
    assert writer.conv.tier is Tier.HIGH and writer.alerts
    assert writer.messages[0].purpose is Purpose.SAFETY


@pytest.mark.parametrize("typed", ["nei", "no", "Nei!", "nei, jeg er bare sliten", "neida", "nope"])
def test_no_in_words_stays_elevated_and_goes_to_a_person(typed):
    writer = talk().writes(HEAVY).writes(typed)
    assert writer.conv.tier is Tier.ELEVATED and not writer.alerts and writer.said
    assert writer.conv.status is Status.WAITING and writer.conv.danger.asked is None


@pytest.mark.parametrize(
    "typed", ["nei, ikke akkurat nå", "nei men det er tungt", "hva mener du", "ikke i dag"]
)
def test_what_is_no_plain_answer_is_heard_and_the_question_stays_open(typed):
    writer = talk().writes(HEAVY).writes(typed)
    assert writer.said and writer.conv.danger.asked == "soft"
    writer.happens(TimerDue(sent_at=writer.now, name="soft"))
    assert writer.conv.tier is Tier.HIGH and writer.alerts and not writer.said


def test_danger_in_the_answer_wins_over_its_first_word():
    writer = talk().writes(HEAVY).writes(f"nei {sign('A', 'critical')}")
    assert writer.conv.tier is Tier.CRITICAL and writer.messages[0].purpose is Purpose.CARD


def test_yes_is_read_together_with_what_was_asked(content):
    writer = Talk(content, OPEN).writes("verden hadde vært bedre uten meg")
    assert writer.conv.danger.asked == "soft"
    writer.writes("ja, i kveld")
    assert writer.conv.tier is Tier.CRITICAL, "'tonight' says when"


@pytest.mark.parametrize("words", ["jeg vil bare forsvinne", "alt føles helt meningsløst"])
def test_short_answer_is_an_answer_though_it_repeats_the_words_before_it(content, words):
    def asked():
        writer = Talk(content, OPEN).writes(words)
        assert writer.conv.danger.asked == "soft"
        return writer

    assert asked().writes("ja").conv.tier is Tier.HIGH
    assert asked().writes("ja, i kveld").conv.tier is Tier.CRITICAL
    no = asked().writes("nei")
    assert no.conv.danger.asked is None and no.said


def test_danger_in_an_answer_is_dealt_with_though_it_is_no_graver_than_what_is_known():
    writer = talk().writes(sign("B", "high"))
    assert writer.conv.danger.asked == "alone"
    writer.writes(f"nei {sign('F', 'high')}")
    assert writer.conv.danger.category.startswith("F") and writer.messages[0].purpose is Purpose.CARD


@pytest.mark.parametrize("letter", "EFGHIMN")
def test_where_others_may_be_the_danger_the_soft_question_asks_for_that(letter):
    writer = talk().writes(sign(letter, "elevated"))
    assert "livet ditt" not in writer.said[0] and "i fare nå" in writer.said[0]
    writer.taps("b:soft:yes")
    assert writer.conv.tier is Tier.CRITICAL and writer.conv.danger.category.startswith(letter)


def test_soft_question_holds_both_numbers():
    for letter in "ACDFGHJKN":
        said = talk().writes(sign(letter, "elevated")).said[0].replace("\N{NO-BREAK SPACE}", " ")
        assert "113" in said and "116 123" in said


def test_supporter_who_has_them_gets_the_hint_and_the_student_no_question():
    writer = claimed(talk().writes("prate"), answered=True).writes(HEAVY)
    assert writer.said == [] and writer.conv.tier is Tier.ELEVATED


# "Danger right now?"


def test_danger_right_now_is_critical_and_police_leads():
    writer = talk().writes(sign("H", "high")).writes("ja")
    assert writer.conv.tier is Tier.CRITICAL and writer.alerts[0].category.startswith("H")
    assert writer.messages[0].purpose is Purpose.CARD and "112" in writer.said[0]
    again = talk().writes(sign("F", "critical")).writes("ja")
    assert "Ring 112 nå, og si hvor du er" in again.said[0] and again.alerts, (
        "already critical: it alerts again"
    )


# "I can't call".


@pytest.mark.parametrize("typed", [None, "Jeg kan ikke ringe", "I can't call", "kan ikke ringe"])
def test_who_cannot_call_is_asked_where_they_are_and_people_are_told_to_call(typed):
    writer = talk().writes(sign("E", "critical"))
    writer.writes(typed) if typed else writer.taps("b:call:cannot")
    assert writer.alerts[0].rules == ("answer:cannot_call",) and writer.alerts[0].tier is Tier.CRITICAL
    assert "Hvor er du?" in writer.said[0] and writer.said[0].count("?") == 1
    assert "registrert fra før" in writer.said[0] and "nodsms.no" in writer.said[0]
    writer.writes("Problemveien 7, tredje etasje")
    entries = [e for e in writer.turn.effects if isinstance(e, AddEntry) and e.written_by == "contact"]
    assert entries[0].text == "Problemveien 7, tredje etasje"
    assert writer.alerts[0].rules == ("answer:place",) and "på vakt" in writer.said[0]
    assert "answer:cannot_call" in writer.conv.handoff.rules


def test_who_cannot_call_is_critical_whatever_it_was_before():
    writer = talk().writes(sign("F", "high")).taps("b:call:cannot")
    assert writer.conv.tier is Tier.CRITICAL and writer.alerts[0].tier is Tier.CRITICAL


def test_place_is_answered_also_when_it_holds_danger_or_comes_twice():
    writer = talk().writes(sign("E", "critical")).taps("b:call:cannot")
    writer.writes(f"hjemme, {sign('E', 'critical')}")
    assert writer.said and writer.alerts
    writer = talk().writes(sign("E", "critical")).taps("b:call:cannot").taps("b:call:cannot")
    assert writer.said and writer.alerts


def test_at_night_who_cannot_call_is_told_not_to_wait_for_us():
    writer = talk(NIGHT, ()).writes(sign("F", "critical")).taps("b:call:cannot")
    assert "Ikke vent på oss" in writer.said[0] and "på vakt" not in writer.said[0]
    assert "på vakt" not in writer.writes("Storgata 1").said[0]


def test_old_cannot_call_button_is_a_new_sign_after_a_person_closed():
    writer = claimed(talk().writes(sign("E", "critical")))
    draft = Draft(writer.conv, CONTENT, writer.world, writer.now)
    handoff.close(draft, Person(id=1, alias="Amalie"), "listened")
    writer.conv = draft.conv
    writer.taps("b:call:cannot")
    assert writer.conv.tier is Tier.CRITICAL and writer.alerts and writer.messages[0].purpose is Purpose.CARD


def test_cannot_call_while_a_person_writes_alerts_and_is_said_to_reach_that_person():
    writer = claimed(talk().writes(sign("E", "critical")), answered=True).taps("b:call:cannot")
    assert writer.alerts and writer.said == [CONTENT.texts.say("cannot_call.person", "nb", number="113")]


def test_card_comes_once_per_tier_and_number_while_a_person_has_them():
    writer = claimed(talk().writes("prate"), answered=True)
    assert writer.writes(sign("B", "high")).messages[0].purpose is Purpose.CARD
    for _ in range(2):
        writer.now += timedelta(minutes=15)
        assert writer.writes(sign("B", "high")).said == [] and writer.alerts
    assert writer.writes(sign("F", "high")).messages[0].purpose is Purpose.CARD
    assert writer.writes(sign("B", "critical")).messages[0].purpose is Purpose.CARD
    assert writer.writes(sign("B", "critical")).said == []


def test_closing_time_is_not_pushed_to_a_screen_that_may_be_watched():
    evening = oslo("2026-11-25 19:50")
    for letter, is_told in (("B", True), ("F", False)):
        writer = talk(evening).writes(sign(letter, "critical"))
        writer.now = oslo("2026-11-25 20:00")
        assert bool(writer.happens(TimerDue(sent_at=writer.now, name="closing")).said) is is_told


# Is it safe to get messages here?


def test_nothing_comes_by_itself_where_messages_may_not_be_safe():
    writer = talk().writes("prate")
    writer.conv = replace(writer.conv, safe_to_message=False)
    for name in ("wait:1", "wait:2", "closing", "idle", "close"):
        assert writer.happens(TimerDue(sent_at=writer.now, name=name)).said == []


@pytest.mark.parametrize("answer", ["Nei", "Usikker"])
def test_intake_asks_once_whether_messages_are_safe(chat, answer):
    chat.on_duty()
    chat.contact_writes("hei på dere").contact_taps("Prate med noen").contact_taps("Hvordan jeg har det")
    chat.contact_taps("UiO").contact_taps(answer)
    assert "bare når du selv har skrevet" in chat.replies[0] and chat.conv().may_be_unsafe
    assert chat.wait(minutes=31).replies == []


# In every state.


def in_state(state: str) -> Talk:
    writer = talk()
    match state:
        case "flow":
            writer.writes("hei på dere")
        case "queue":
            writer.writes("prate")
        case "claimed":
            claimed(writer.writes("prate"), answered=True)
        case "closed" | "feedback":
            claimed(writer.writes("prate"), answered=True)
            draft = Draft(writer.conv, CONTENT, writer.world, writer.now)
            handoff.close(draft, Person(id=1, alias="Amalie"), "listened")
            writer.conv = draft.conv
            if state == "closed":
                writer.writes("hopp over")
        case "stop" | "pause":
            writer.writes("prate").writes(state)
        case "erasing":
            writer.writes("slett").writes("ja")
    return writer


STATES = ["new", "flow", "queue", "claimed", "closed", "feedback", "stop", "pause", "erasing"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("letter", "AEFN")
def test_card_and_alert_come_in_every_state(state, letter):
    writer = in_state(state).writes(sign(letter, "critical"))
    assert writer.messages[0].purpose is Purpose.CARD and writer.alerts[0].tier is Tier.CRITICAL
    assert writer.conv.stopped is not Stopped.STOP and writer.conv.erasing is None


@pytest.mark.parametrize("state", STATES)
def test_edited_message_gets_the_card_in_every_state(state):
    writer = in_state(state)
    writer.happens(MessageEdited(sent_at=writer.now, mid="m1", text=sign("B", "critical"), number=1))
    assert writer.turn.conversation.tier is Tier.CRITICAL and writer.alerts
    cards = [m for m in writer.messages if m.purpose is Purpose.CARD]
    assert cards or writer.conv.last_inbound_at is None, "nobody who never wrote can be written to"


@pytest.mark.parametrize("kind", ["image", "audio", "sticker"])
@pytest.mark.parametrize("state", [s for s in STATES if s not in ("claimed", "erasing")])
def test_what_cannot_be_read_is_asked_for_in_words(state, kind):
    writer = in_state(state)
    writer.happens(AttachmentReceived(sent_at=writer.now, mid="x", kinds=(kind,)))
    assert any("Kan du skrive det" in said for said in writer.said)
    danger_first = talk().writes(sign("A", "critical"))
    danger_first.happens(AttachmentReceived(sent_at=danger_first.now, mid="x", kinds=(kind,)))
    assert "Kan du skrive det" in danger_first.said[0]


def test_message_that_comes_out_of_order_is_read_in_the_order_it_was_written(content):
    writer = Talk(content, OPEN)
    late = writer.now - timedelta(seconds=20)
    writer.happens(TextReceived(sent_at=writer.now, mid="second", text="livet mitt"))
    assert not writer.alerts
    writer.happens(TextReceived(sent_at=late, mid="first", text="jeg vil ta"))
    assert writer.alerts and writer.messages[0].purpose is Purpose.CARD


# Steps and choices that mean danger.


def test_there_is_danger_now_in_the_flow_for_a_friend_gets_the_card_for_friends():
    for act in ("tap", "type"):
        writer = talk().writes("hei på dere").taps("f:menu:choose:friend", "Bekymret for en venn")
        if act == "tap":
            writer.taps("f:worried:danger:danger", "Det er fare nå")
        else:
            writer.writes("det er fare nå")
        assert writer.messages[0].purpose is Purpose.CARD and "for vennen din" in writer.said[0]
        assert writer.conv.tier is Tier.CRITICAL and writer.alerts[0].category == "N-other"
        assert not any(m.purpose is Purpose.FLOW for m in writer.messages)


@pytest.mark.parametrize(
    ("payload", "letter"),
    [
        ("f:urgent_help:next:danger", "O"),
        ("f:urgent_help:cannot_call:danger", "O"),
        ("f:urgent_help:poison:danger", "E"),
        ("f:find_help:violence:danger", "F"),
        ("f:find_help:family:danger", "I"),
    ],
)
def test_i_am_in_danger_in_a_flow_is_critical_also_by_an_old_button(payload, letter):
    for state in STATES:
        writer = in_state(state).taps(payload, "Jeg er i fare")
        assert writer.messages[0].purpose is Purpose.CARD and writer.conv.tier is Tier.CRITICAL
        assert writer.alerts[0].category.startswith(letter)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("words", ["jeg er i fare", "I'm in danger", "Det er fare nå"])
def test_words_on_a_button_for_danger_mean_it_typed_in_every_state(state, words):
    writer = in_state(state).writes(words)
    assert writer.messages[0].purpose is Purpose.CARD and writer.conv.tier is Tier.CRITICAL and writer.alerts


def test_button_of_a_step_that_is_gone_is_read_as_its_words():
    writer = talk().writes("hei på dere").taps("f:worried:gone:gone", sign("A", "critical"))
    assert writer.messages[0].purpose is Purpose.CARD and writer.alerts


def test_step_with_danger_says_nothing_itself_and_goes_to_people(content):
    from talk_support import content_files

    from bot.errors import ContentError

    broken = content_files()
    broken["flows/worried.yaml"] = broken["flows/worried.yaml"].replace(
        "category: N-other}\n    goto: people", "category: N-other}\n    goto: menu"
    )
    with pytest.raises(ContentError, match="a step with danger goes to people"):
        load_content(broken)


# No known language.


@pytest.mark.parametrize(
    "text",
    [
        "ben artık yaşamak istemiyorum hiç",
        "no quiero vivir más así",
        "nie chcę już dłużej żyć",
        "je ne veux plus vivre",
        "أنا لا أريد أن أعيش",
        "ich weiß nicht, wohin mit mir",
    ],
)
def test_words_in_no_known_language_get_the_numbers_in_both_once_and_a_person(text):
    writer = talk(language=None).writes(text)
    said = writer.said[0]
    assert "forstår bare norsk og engelsk" in said and "understand only Norwegian and English" in said
    assert writer.conv.tier is Tier.ELEVATED and writer.conv.status is Status.WAITING
    assert not any("forstår bare" in each for each in writer.writes(text).said)


def test_ordinary_words_and_names_are_not_taken_for_another_language(chat):
    chat.on_duty()
    for text in (
        "hei på dere, jeg trenger noen å prate med",
        "asdf qwer",
        "Hvordan melder jeg meg på eksamen i Oslo",
        "where can I find the exam dates please",
        "takk for hjelpen og ha en fin dag",
        "sliter veldig med motivasjonen for tiden",
    ):
        assert not any("forstår bare" in each for each in chat.contact_writes(text).replies), text


# Cards that do not arrive.


@pytest.mark.parametrize(
    ("outcome", "marked"),
    [("failed", "failed"), ("lapsed", "failed"), ("unknown", "unknown"), ("sent", "sent")],
)
def test_what_became_of_the_card_stands_on_the_alert(outcome, marked):
    writer = talk().writes(sign("A", "critical"))
    writer.happens(SendSettled(sent_at=writer.now, outbox_id=1, purpose=Purpose.CARD, outcome=outcome))
    assert [e.outcome for e in writer.turn.effects if isinstance(e, MarkCard)] == [marked]


# Under 18.


def test_calm_writer_under_18_gets_a_friendly_referral_and_no_alert():
    writer = talk().writes("younglelevated")  # an age, and nothing else
    assert "fylt 18" in writer.said[0] and writer.said[0].startswith("Takk")
    assert "116\N{NO-BREAK SPACE}111" in writer.said[0]
    assert not writer.alerts and writer.conv.status is not Status.WAITING
    writer.writes(sign("L", "high"))
    assert writer.alerts and writer.messages[0].purpose is Purpose.CARD


def test_a_guess_that_it_is_about_a_child_thanks_nobody_for_an_age():
    writer = talk().writes(sign("L", "elevated"))
    assert "alderen" not in " ".join(writer.said)
    assert writer.conv.danger is not None and writer.conv.danger.asked == "soft"


def test_every_high_turn_has_its_alert_in_the_same_turn():
    writer = talk()
    draft = Draft(writer.conv, CONTENT, writer.world, writer.now)
    danger.raise_quietly(draft, "word:help")
    assert any(isinstance(e, RaiseAlert) for e in draft.effects)
