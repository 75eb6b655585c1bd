"""What was played becomes a rehearsal that passes: from acts, from a transcript, from a chat in the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from talk_support import oslo

from bot.content import Content
from bot.rehearsal.model import Turn
from handlers.rehearsal import Opening, run_text, script_of, script_of_entries
from handlers.rehearsal.player import stage
from handlers.terminal import run_chat

FILE = "flows/rehearsals/x.yaml"
ACTS = [
    {"student writes": 'hello, I have a "question": yes'},
    {"student taps": "Talk to someone"},
    {"student sends": "sticker"},
    {"student writes": "prate"},
    {"silence": "16 minutes"},
    {"supporter": "claims"},
    {"supporter writes": "Hi, I'm Amalie"},
    {"student writes at once": ["thank you", "113"]},
    {"student edits": "thank you: really"},
    {"student unsends": "latest"},
    {"delivered again": "latest"},
    {"on duty": []},
    {"supporter": "closes"},
    {"clock": "20:30"},
]


def test_acts_become_a_rehearsal_that_passes(content: Content) -> None:
    text = script_of(content, Opening(name="a: b", at=oslo("2026-11-25 12:00"), waiting=1), ACTS)
    result = run_text(content, text, FILE)
    assert result.passed, (result.problems, result.differences, text)
    assert result.name == "a: b" and "language: en" in text and "already waiting: 1" in text
    assert 'student writes at once: ["thank you", "113"]' in text


def test_what_cannot_be_done_is_left_out_and_a_lost_button_is_typed(content: Content) -> None:
    acts = [{"student edits": "nothing yet"}, {"student taps": "Prate med noen"}]
    text = script_of(content, Opening(name="x", at=oslo("2026-11-25 12:00")), acts)
    assert "student edits" not in text and 'student writes: "Prate med noen"' in text
    assert run_text(content, text, FILE).passed


def test_a_transcript_becomes_the_same_conversation(content: Content) -> None:
    with stage(content, oslo("2026-11-25 19:40"), ("Amalie",)) as player:
        for act in [
            *ACTS[:7],
            {"clock": "20:10"},
            {"student writes": "are you there"},
            {"supporter": "closes"},
        ]:
            player.play(Turn.model_validate(act))
        chat = player.chat
        entries = chat.storage.read(lambda tx: tx.transcript.entries(tx.contacts.find("student")))
    text = script_of_entries(content, entries, "Demo")
    assert text is not None and run_text(content, text, FILE).passed
    for line in (
        "at: 2026-11-25 19:40",
        "student sends: sticker",
        "supporter: claims",
        "clock: 2026-11-25 20:10",
    ):
        assert line in text
    assert text.count("student writes") == 3 and text.index("claims") < text.index("closes")


def test_an_empty_transcript_is_no_rehearsal(content: Content) -> None:
    assert script_of_entries(content, [], "Demo") is None


def test_a_chat_in_the_terminal_is_saved_as_a_rehearsal_that_passes(
    content: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "my-idea.yaml"
    typed = "hello\n1\n/image\n/wait 20\n/at 2026-11-25 20:30\nhello again\n/queue\n/quit\n"
    with CliRunner().isolation(input=typed):
        run_chat(content, oslo("2026-11-25 12:00"), language="en", save=file)
    text = file.read_text("utf-8")
    assert run_text(content, text, FILE).passed
    for line in (
        'name: "my idea"',
        'student writes: "ENGLISH"',
        "student taps:",
        "student sends: image",
        "clock: 2026-11-25 20:30",
    ):
        assert line in text
