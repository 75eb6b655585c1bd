"""In the demo a student's conversation, the samples' part in it too, becomes a rehearsal that passes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from app import storage_of
from bot.content import Content
from handlers.cli.parts import DemoOptions
from handlers.demo import Demo
from handlers.local_chat import LocalChat
from handlers.rehearsal import run_text

NOON = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)


def test_the_demo_gives_a_file_that_passes(content: Content, tmp_path: Path) -> None:
    demo = Demo(tmp_path, DemoOptions(home=tmp_path, port=1, browser=False, fresh=False, at=NOON))
    storage = storage_of(demo.environment)
    storage.migrate(NOON)
    demo.prepare(storage)
    app = Flask(__name__)
    app.register_blueprint(demo.blueprint(storage, lambda: content))
    client = app.test_client()
    (student,) = client.get("/simulator/api/state").json["students"]
    assert client.get("/simulator/rehearsal/1").status_code == 404
    chat = LocalChat(content, NOON, storage=storage)
    chat.write(student["psid"], "hei på dere")
    chat.write(student["psid"], "prate")
    contact_id, staff = storage.read(lambda tx: (tx.contacts.find(student["psid"]), tx.staff.all()[0]))
    chat.deeds.claim(contact_id, staff)
    chat.settle()
    text = client.get("/simulator/rehearsal/1").text
    assert 'student writes: "prate"\n    bot says: queue.first' in text and "supporter: claims" in text
    assert run_text(content, text, "flows/rehearsals/student-1.yaml").passed
    storage.close()
