"""Webhooks as the app receives them: shapes, signature, order, repeats. Over real HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from patience import PATIENCE

from handlers.simulator.graph import StandIn
from handlers.simulator.poster import Poster
from handlers.simulator.state import Refused

INBOX = 263902037430900


@pytest.fixture
def poster(receiver, stand_in):
    poster = Poster(receiver.url, "demo-secret", synchronous=True)
    stand_in.attach(poster)
    yield poster
    poster.close()


@pytest.fixture
def student(stand_in, poster) -> str:
    return stand_in.new_student("1001")


def test_a_message_arrives_in_metas_shape_with_non_ascii_escaped(receiver, stand_in, student):
    mid = stand_in.write(student, "Blå på søndag 😀")
    assert receiver.bodies[0]["object"] == "page"
    entry = receiver.bodies[0]["entry"][0]
    assert entry["id"] == stand_in.page_id
    item = entry["messaging"][0]
    assert item["sender"] == {"id": "1001"}
    assert item["recipient"] == {"id": stand_in.page_id}
    assert item["timestamp"] == stand_in.now_ms() == entry["time"]
    assert item["message"] == {"mid": mid, "text": "Blå på søndag 😀"}
    assert b"Bl\\u00e5" in receiver.raw[0]
    assert stand_in.thread(student).messages[0].accepted


def test_a_wrong_app_secret_is_refused_by_the_receiver(receiver, stand_in):
    poster = Poster(receiver.url, "another-secret", synchronous=True)
    stand_in.attach(poster)
    stand_in.write(stand_in.new_student(), "Hei")
    poster.close()
    assert set(poster.posts) == {403}
    assert len(poster.refused) == 1
    assert receiver.bodies == []


def test_the_answer_to_a_send_is_an_echo_with_our_metadata_and_a_delivery(receiver, stand_in, student, call):
    stand_in.write(student, "Hei")
    mid = call.send(student, message={"text": "Hallo", "metadata": "outbox-7"}).json()["message_id"]
    echo, delivery = receiver.items()[1:]
    assert (echo["sender"]["id"], echo["recipient"]["id"]) == (stand_in.page_id, student)
    assert echo["message"] == {
        "mid": mid,
        "is_echo": True,
        "app_id": int(stand_in.app_id),
        "text": "Hallo",
        "metadata": "outbox-7",
    }
    assert delivery["delivery"]["mids"] == [mid]
    assert "timestamp" not in delivery
    stand_in.read(student)
    assert receiver.items()[-1]["read"]["watermark"] >= delivery["delivery"]["watermark"]
    stand_in.read(student)
    assert len(receiver.items()) == 4


def test_a_tapped_quick_reply_arrives_once_and_the_buttons_are_gone(receiver, stand_in, student, call):
    stand_in.write(student, "Hei")
    choice = {"content_type": "text", "title": "UiO", "payload": "campus:uio"}
    call.send(student, message={"text": "Hvor?", "quick_replies": [choice]})
    stand_in.tap(student, 0)
    told = receiver.items()[-1]["message"]
    assert (told["text"], told["quick_reply"]) == ("UiO", {"payload": "campus:uio"})
    for again in (0, "campus:uio", "UiO"):
        with pytest.raises(Refused):
            stand_in.tap(student, again)
    stand_in.tap(student, "campus:uio", title="UiO")  # a tap that was on its way
    assert receiver.items()[-1]["message"]["quick_reply"] == {"payload": "campus:uio"}


def test_get_started_and_menu_items_are_postbacks(receiver, stand_in, student):
    stand_in.profile = {"get_started": {"payload": "start"}}
    stand_in.get_started(student, ref="poster")
    stand_in.press(student, "Meny", "menu")
    started, menu = (item["postback"] for item in receiver.items())
    assert started["payload"] == "start"
    assert started["referral"]["ref"] == "poster"
    assert (menu["title"], menu["payload"]) == ("Meny", "menu")


def test_things_without_words_arrive_as_attachments(receiver, stand_in, student):
    stand_in.send_like(student)
    stand_in.send_image(student, caption="Se her")
    stand_in.send_voice(student)
    like, image, voice = (item["message"] for item in receiver.items())
    assert like["attachments"][0]["type"] == "sticker"
    assert like["attachments"][0]["payload"]["sticker_id"] == 369239263222822
    assert "text" not in like
    assert (image["attachments"][0]["type"], image["text"]) == ("image", "Se her")
    assert voice["attachments"][0]["type"] == "audio"


def test_edits_withdrawals_and_reactions_arrive(receiver, stand_in, student):
    mid = stand_in.write(student, "Hei")
    stand_in.edit(student, mid, "Hei hei")
    stand_in.react(student, mid, "love")
    stand_in.react(student, mid, None)
    stand_in.unsend(student, mid)
    edit, react, unreact, gone = receiver.items()[1:]
    assert edit["message_edit"] == {"mid": mid, "text": "Hei hei", "num_edit": 1}
    assert react["reaction"] == {"reaction": "love", "emoji": "❤", "action": "react", "mid": mid}
    assert unreact["reaction"]["action"] == "unreact"
    assert gone["message"] == {"mid": mid, "is_deleted": True}
    for act in (lambda: stand_in.edit(student, mid, "x"), lambda: stand_in.unsend(student, mid)):
        with pytest.raises(Refused):
            act()


def test_a_sixth_edit_is_not_possible(stand_in, student):
    mid = stand_in.write(student, "0")
    assert [stand_in.edit(student, mid, str(n)) for n in range(1, 6)] == [1, 2, 3, 4, 5]
    with pytest.raises(Refused):
        stand_in.edit(student, mid, "6")


def test_metas_inbox_answers_takes_the_thread_and_gives_it_back(receiver, stand_in, student, clock):
    stand_in.write(student, "Hei")
    stand_in.inbox_answer(student, "Hei, her er en ansatt")
    stand_in.press(student, "Meny", "menu")
    taken = receiver.items()[1]["take_thread_control"]
    assert taken["new_owner_app_id"] == INBOX
    echo, postback = receiver.items("standby")
    assert (echo["message"]["is_echo"], echo["message"]["app_id"]) == (True, INBOX)
    assert "metadata" not in echo["message"]
    assert "payload" not in postback["postback"]
    stand_in.inbox_pass(student)
    passed = receiver.items()[-1]["pass_thread_control"]
    assert (passed["previous_owner_app_id"], passed["new_owner_app_id"]) == (INBOX, int(stand_in.app_id))
    stand_in.inbox_take(student)
    clock.advance(timedelta(hours=25))  # control lapses
    stand_in.write(student, "Er du der?")
    assert receiver.items()[-1]["message"]["text"] == "Er du der?"


def test_a_policy_warning_has_no_sender(receiver, stand_in, student):
    stand_in.enforce_policy("warning", "spam")
    item = receiver.items()[0]
    assert "sender" not in item
    assert item["policy_enforcement"] == {"action": "warning", "reason": "spam"}


def test_only_subscribed_fields_are_told(receiver, stand_in, student, call):
    stand_in.write(student, "Hei")
    call("POST", "/me/subscribed_apps", subscribed_fields="messages")
    call.send(student)
    stand_in.write(student, "Hei igjen")
    assert [item["message"]["text"] for item in receiver.items()] == ["Hei", "Hei igjen"]


def test_deliveries_can_be_repeated(receiver, stand_in, student, poster):
    poster.copies = 3
    stand_in.write(student, "Hei")
    assert len(receiver.raw) == 3
    assert len(set(receiver.raw)) == 1


def test_deliveries_can_be_held_back_and_released_in_one_body_and_out_of_order(
    receiver, stand_in, student, poster
):
    poster.hold()
    for text in "abc":
        stand_in.write(student, text)
    assert receiver.bodies == []
    assert poster.waiting == 3
    poster.release(lambda items: items[::-1], batch=10)
    assert len(receiver.bodies) == 1
    assert [item["message"]["text"] for item in receiver.items()] == ["c", "b", "a"]
    times = [item["timestamp"] for item in receiver.items()]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 3


def test_in_the_background_they_come_in_order_and_again_until_they_are_accepted(receiver, stand_in):
    poster = Poster(receiver.url, "demo-secret", pauses_seconds=(0, 0, 0))
    receiver.answers = [503, 500]
    stand_in.attach(poster)
    student = stand_in.new_student()
    for text in "abcde":
        stand_in.write(student, text)
    assert poster.wait_until_idle(PATIENCE)
    poster.close()
    assert poster.posts[:3] == [503, 500, 200]
    assert [item["message"]["text"] for item in receiver.items()] == list("abcde")


def test_sends_from_several_threads_all_arrive_and_their_echoes_keep_the_order(
    receiver, stand_in, new_caller
):
    poster = Poster(receiver.url, "demo-secret", batch=20)
    stand_in.attach(poster)
    student = stand_in.new_student()
    stand_in.write(student, "Hei")

    def send_five(name: int) -> list[str]:
        caller = new_caller()
        with caller.session:
            return [caller.send(student, f"{name}-{n}").json()["message_id"] for n in range(5)]

    with ThreadPoolExecutor(6) as pool:
        mids = [mid for sent in pool.map(send_five, range(6)) for mid in sent]
    assert poster.wait_until_idle(PATIENCE)
    poster.close()
    echoes = [item for item in receiver.items() if item.get("message", {}).get("is_echo")]
    shown = [message.mid for message in stand_in.thread(student).messages[1:]]
    assert sorted(mids) == sorted(set(shown))
    assert [echo["message"]["mid"] for echo in echoes] == shown
    assert [echo["timestamp"] for echo in echoes] == sorted({echo["timestamp"] for echo in echoes})


def test_what_nobody_accepted_is_posted_after_a_restart(receiver, tmp_path, clock):
    path = tmp_path / "simulator.json"
    before = StandIn(clock=clock.now, path=path)
    student = before.new_student()
    before.write(student, "Hei")  # no poster: the app is not there
    after = StandIn(clock=clock.now, path=path)
    poster = Poster(receiver.url, "demo-secret", synchronous=True)
    after.attach(poster)
    poster.close()
    assert [item["message"]["text"] for item in receiver.items()] == ["Hei"]
    assert StandIn(path=path).thread(student).messages[0].accepted


def test_everything_is_there_again_after_a_restart(tmp_path, clock, psid, stand_in, call):
    choice = {"content_type": "text", "title": "Ja", "payload": "yes"}
    call.send(psid, message={"text": "Ok?", "quick_replies": [choice]})
    call("POST", "/me/messenger_profile", {"get_started": {"payload": "start"}})
    path = tmp_path / "deep" / "simulator.json"
    stand_in.save(path)
    again = StandIn(clock=clock.now, path=path)
    assert again.threads == stand_in.threads
    assert again.deliveries == stand_in.deliveries
    assert again.profile == stand_in.profile
    assert again.version > stand_in.version
    again.tap(psid, 0)
    assert StandIn(path=path).thread(psid).messages[-1].text == "Ja"
    assert [each.name for each in path.parent.iterdir()] == ["simulator.json"]
