"""What a process that serves loads, and so holds for life."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROGRAM = """
import sys
import app, handlers.cli.serving, handlers.messenger.client, handlers.worker
print(*sys.modules)
import handlers.console, handlers.health, handlers.messenger.webhook, handlers.server
print(*sys.modules)
"""
# Megabytes each, for what is done seldom, once, or in a child.
ELSEWHERE = (
    "bot.checks charset_normalizer handlers.cli.content handlers.cli.rehearse handlers.demo handlers.simulator.server"
    " holidays icalendar psycopg requests requests_toolbelt segno sqlite_utils"
)
PAGES = "flask handlers.console handlers.rehearsal jinja2 prometheus_client waitress wtforms"


def test_a_process_that_serves_loads_nothing_that_it_does_not_need_all_the_time():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    worker, both = (set(line.split()) for line in done.stdout.splitlines())
    assert not both & set(ELSEWHERE.split())
    assert not worker & set(PAGES.split())
