"""Shared by all tests: the shipped content, conversations written as conversations, and no silent skips."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from talk_support import Chat, content_files

from bot.content import Content, load_content


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Where everything is installed (PEERSUPPORT_NO_SKIPS=1), a skipped test has not been run: it fails."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("PEERSUPPORT_NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"


@pytest.fixture(scope="session")
def content() -> Content:
    """What the product ships."""
    return load_content(content_files())


@pytest.fixture
def chat(content: Content, tmp_path: Path) -> Iterator[Chat]:
    """A Wednesday at noon; nobody on duty until `chat.on_duty()`."""
    chat = Chat(content, tmp_path, "2026-11-25 12:00")
    yield chat
    chat.local.close()
