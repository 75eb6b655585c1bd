"""Save as rehearsal: what a student of the demo has played, as a file."""

from __future__ import annotations

from flask import Flask

from handlers.simulator.graph import StandIn
from handlers.simulator.poster import Poster
from handlers.simulator.server import create_blueprint


def page(clock, rehearsal=None):
    stand_in = StandIn(clock=clock.now)
    poster = Poster("http://127.0.0.1:9/webhook", "demo-secret")
    poster.hold()
    app = Flask(__name__)
    app.register_blueprint(create_blueprint(stand_in, poster, clock, [], rehearsal=rehearsal))
    return app.test_client(), stand_in, poster


def test_the_students_conversation_is_a_file_named_by_number(clock):
    client, stand_in, poster = page(clock, lambda psid: f"of: {psid}\n")
    answer = client.get("/simulator/rehearsal/1")
    (psid,) = stand_in.threads
    assert answer.text == f"of: {psid}\n"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="student-1.yaml"'
    assert client.get("/simulator/rehearsal/2").status_code == 404
    assert "save-rehearsal" in client.get("/simulator").text
    poster.close()


def test_without_anything_played_or_without_a_service_there_is_no_file(clock):
    client, _, poster = page(clock, lambda psid: None)
    assert client.get("/simulator/rehearsal/1").status_code == 404
    alone, _, other = page(clock)
    assert alone.get("/simulator/rehearsal/1").status_code == 404
    assert "save-rehearsal" not in alone.get("/simulator").text
    poster.close()
    other.close()
