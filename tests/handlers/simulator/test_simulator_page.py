"""The demo page and its JSON API."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask, redirect

import handlers.simulator
from handlers.simulator.demo_api import MEASURES, next_sunday_evening
from handlers.simulator.graph import StandIn
from handlers.simulator.guard import refuse_real_token
from handlers.simulator.poster import Poster
from handlers.simulator.server import OSLO, create_blueprint
from handlers.simulator.words import WORDS

FOLDER = Path(handlers.simulator.__file__).parent
STAFF = [
    ("Amalie", {"nb": "likeperson", "en": "supporter"}, "/console"),
    ("Marte", "koordinator", "/console"),
]


@pytest.fixture
def demo(clock):
    stand_in = StandIn(clock=clock.now)
    poster = Poster("http://127.0.0.1:9/webhook", "demo-secret")
    poster.hold()
    app = Flask(__name__)
    app.register_blueprint(
        create_blueprint(stand_in, poster, clock, STAFF, sign_in=lambda n: redirect(f"/console?n={n}"))
    )
    with app.test_client() as client:
        client.stand_in, client.poster = stand_in, poster
        yield client
    poster.close()


def state(demo, **query) -> dict:
    return demo.get("/simulator/api/state", query_string=query).get_json()


def act(demo, name: str, **data):
    return demo.post(f"/simulator/api/acts/{name}", json={"psid": next(iter(demo.stand_in.threads)), **data})


def test_the_page_says_in_both_languages_that_all_is_made_up(demo):
    assert "Alt her er oppdiktet" in demo.get("/simulator").get_data(as_text=True)
    english = demo.get("/simulator?lang=en").get_data(as_text=True)
    assert '<html lang="en">' in english
    assert "Everything here is made up" in english
    assert "Amalie, supporter" in english


def test_the_page_runs_under_a_strict_policy_and_has_nothing_inline(demo):
    answer = demo.get("/simulator")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    html = answer.get_data(as_text=True)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?://", html)


def test_every_file_the_page_asks_for_is_there(demo):
    html = demo.get("/simulator").get_data(as_text=True)
    files = set(re.findall(r'(?:href|src)="(/simulator/static/[^"]+)"', html))
    for script in (FOLDER / "static").glob("*.js"):
        files |= {
            f"/simulator/static/{name}" for name in re.findall(r'from "\./([\w.]+)"', script.read_text())
        }
    assert len(files) >= 5
    for file in files:
        with demo.get(file) as answer:
            assert answer.status_code == 200, file


def test_both_languages_have_the_same_words():
    def keys(words: dict) -> set:
        return {(key, *sorted(value)) if isinstance(value, dict) else key for key, value in words.items()}

    assert keys(WORDS["nb"]) == keys(WORDS["en"])


def test_every_word_the_scripts_use_exists():
    used = {
        word
        for script in (FOLDER / "static").glob("*.js")
        for word in re.findall(r"\bwords\.(\w+)", script.read_text())
    }
    assert used <= set(WORDS["nb"])


def test_a_fresh_demo_has_one_student_and_can_get_more(demo):
    assert [each["number"] for each in state(demo)["students"]] == [1]
    made = demo.post("/simulator/api/students", json={}).get_json()["student"]
    assert made == 2
    assert state(demo)["thread"]["number"] == 2
    assert state(demo, student=1)["thread"]["number"] == 1


def test_what_the_student_does_shows_in_the_thread(demo):
    mid = act(demo, "write", text="Hei").get_json()["mid"]
    act(demo, "like")
    act(demo, "react", mid=mid, emoji="👍")
    act(demo, "edit", mid=mid, text="Hei hei")
    messages = state(demo)["thread"]["messages"]
    assert [(each["text"], each["attachments"], each["reaction"]) for each in messages] == [
        ("Hei hei", [], "👍"),
        (None, ["like"], None),
    ]
    act(demo, "unsend", mid=mid)
    assert state(demo)["thread"]["messages"][0]["withdrawn"]
    act(demo, "inbox_answer", text="Hei fra innboksen")
    assert state(demo)["thread"]["owner"] == "inbox"


def test_what_messenger_would_not_allow_is_answered_with_409(demo):
    assert act(demo, "write", text=" ").status_code == 409
    assert act(demo, "tap", payload="nothing").status_code == 409
    assert act(demo, "write", psid="nobody", text="Hei").status_code == 409
    assert act(demo, "fly").status_code == 404


def test_the_api_takes_orders_from_its_own_page_only(demo):
    other = {"Sec-Fetch-Site": "cross-site"}
    assert demo.post("/simulator/api/students", json={}, headers=other).status_code == 403
    assert demo.post("/simulator/api/students", data={"a": "b"}).status_code == 403
    assert demo.get("/simulator/sign-in/0", headers=other).status_code == 403


def test_the_long_poll_answers_at_once_when_something_is_new(demo):
    before = state(demo)["version"]
    assert state(demo, after=before, wait=0)["version"] == before
    act(demo, "write", text="Hei")
    assert state(demo, after=before)["version"] > before


def test_the_clock_can_be_moved_in_every_way_the_strip_offers(demo, clock):
    def moved(**how) -> str:
        answer = demo.post("/simulator/api/clock", json=how)
        return state(demo)["clock"]["local"] if answer.status_code == 200 else "refused"

    assert moved(minutes=10) == "2026-11-23T14:31"
    assert moved(jump="sunday") == "2026-11-29T22:00"
    assert moved(jump="opening") == "2026-11-24T09:00"
    assert moved(to="2026-07-01T12:00") == "2026-07-01T12:00"
    assert clock.at == datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
    assert moved(jump="real") == "2027-01-01T01:00"
    for wrong in ({"to": "soon"}, {"minutes": -5}, {"minutes": "10"}, {}):
        assert moved(**wrong) == "refused"


def test_sunday_evening_is_the_next_one():
    on_the_dot = datetime(2026, 11, 29, 21, 0, tzinfo=UTC)
    assert next_sunday_evening(on_the_dot, OSLO) == datetime(2026, 12, 6, 21, 0, tzinfo=UTC)
    summer = datetime(2026, 7, 1, tzinfo=UTC)
    assert next_sunday_evening(summer, OSLO) == datetime(2026, 7, 5, 20, 0, tzinfo=UTC)


def test_failures_and_deliveries_can_be_switched(demo):
    demo.post("/simulator/api/failure", json={"mode": "500", "calls": 1})
    assert state(demo)["failure"] == {"mode": "500", "left": 1}
    answer = demo.get("/simulator/graph/v26.0/me", headers={"Authorization": "Bearer demo-token"})
    assert answer.status_code == 500
    assert state(demo)["failure"]["mode"] == "normal"
    assert demo.post("/simulator/api/failure", json={"mode": "no"}).status_code == 409
    demo.post("/simulator/api/delivery", json={"how": "held"})
    act(demo, "write", text="Hei")
    assert (state(demo)["delivery"], state(demo)["waiting"]) == ("held", 1)
    assert demo.post("/simulator/api/delivery", json={"how": "by post"}).status_code == 409


def test_the_page_offers_every_measure_of_metas_in_both_languages(demo):
    for language in ("nb", "en"):
        html = demo.get(f"/simulator?lang={language}").get_data(as_text=True)
        for measure in MEASURES:
            assert f'data-measure="{measure}">{WORDS[language]["measures"][measure]}</button>' in html


def test_lost_subscription_means_that_nothing_more_is_told_until_the_app_subscribes_again(demo):
    assert state(demo)["subscribed"]
    assert demo.post("/simulator/api/measures", json={"measure": "unsubscribe"}).status_code == 200
    act(demo, "write", text="Hei")
    assert (state(demo)["subscribed"], state(demo)["waiting"]) == (False, 0)
    again = demo.post(
        "/simulator/graph/v26.0/me/subscribed_apps",
        json={"subscribed_fields": ["messages"]},
        headers={"Authorization": "Bearer demo-token"},
    )
    assert again.status_code == 200
    act(demo, "write", text="Hei igjen")
    assert (state(demo)["subscribed"], state(demo)["waiting"]) == (True, 1)


@pytest.mark.parametrize("measure", ["warning", "block", "unblock"])
def test_a_measure_against_the_page_is_told_by_webhook(demo, measure):
    assert demo.post("/simulator/api/measures", json={"measure": measure}).status_code == 200
    (told,) = demo.poster._waiting
    assert (told.field, told.item["policy_enforcement"]) == (
        "messaging_policy_enforcement",
        {"action": measure},
    )


def test_meta_takes_no_measure_that_it_does_not_have(demo):
    for wrong in ({"measure": "sue"}, {}):
        assert demo.post("/simulator/api/measures", json=wrong).status_code == 409


def test_the_frame_is_signed_in_by_number_and_the_page_knows_as_whom(demo):
    answer = demo.get("/simulator/sign-in/1")
    assert answer.headers["Location"] == "/console?n=1"
    assert state(demo)["signed_in"] == 1
    assert demo.get("/simulator/sign-in/2").status_code == 404


def test_no_psid_stands_in_an_address_the_page_asks_for():
    assert "psid" not in (FOLDER / "static" / "api.js").read_text()


def test_the_demo_refuses_a_real_token(clock):
    with pytest.raises(ValueError, match="demo-"):
        create_blueprint(StandIn(token="EAAB-real"), Poster("http://127.0.0.1:9", "s"), clock, STAFF)


@pytest.mark.parametrize(
    ("environment", "is_refused"),
    [
        ({}, False),
        ({"PAGE_ACCESS_TOKEN": "", "GRAPH_API_URL": ""}, False),
        ({"PAGE_ACCESS_TOKEN": "demo-token"}, False),
        ({"PAGE_ACCESS_TOKEN": "EAAB123"}, True),
        ({"GRAPH_API_URL": "http://127.0.0.1:5000/simulator/graph"}, False),
        ({"GRAPH_API_URL": "http://localhost:5000"}, False),
        ({"GRAPH_API_URL": "http://[::1]:5000"}, False),
        ({"GRAPH_API_URL": "https://graph.example.org"}, True),
        ({"GRAPH_API_URL": "http://127.0.0.1.example.org"}, True),
        ({"GRAPH_API_URL": "nonsense"}, True),
    ],
)
def test_real_values_in_the_environment_are_refused_without_repeating_them(environment, is_refused):
    sentence = refuse_real_token(environment)
    assert (sentence is not None) == is_refused
    assert "EAAB" not in (sentence or "")
