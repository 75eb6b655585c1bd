"""The webhook while nothing can be kept: 503, so that Meta sends again, and 200 as soon as it can be."""

from __future__ import annotations

import json
import subprocess

import pytest
import requests
from patience import PATIENCE
from processes import PAGE_ID, SECRET, Processes

from handlers.simulator.webhooks import signature
from storage.sqlite_statements import sqlite3


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Processes(tmp_path_factory.mktemp("away"), "http://127.0.0.1:9")
    service.start("web")
    yield service
    service.stop()


def post(service, mid: str) -> requests.Response:
    item = {
        "sender": {"id": "7000000000000001"},
        "recipient": {"id": PAGE_ID},
        "timestamp": 1_764_000_000_000,
        "message": {"mid": mid, "text": f"ord i {mid}"},
    }
    data = json.dumps({"object": "page", "entry": [{"id": PAGE_ID, "messaging": [item]}]}).encode()
    headers = {"X-Hub-Signature-256": signature(SECRET, data), "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{service.port}/webhook"
    return requests.post(url, data=data, headers=headers, timeout=PATIENCE)


def kept(service) -> int:
    storage = service.open()
    try:
        return storage.posts.figures().waiting
    finally:
        storage.close()


def test_full_disk_is_answered_with_503_and_the_same_event_with_200_once_there_is_room(service):
    before = kept(service)
    service.largest_file("web", 1)
    try:
        refused = post(service, "m-full")
    finally:
        service.largest_file("web", -1)
    assert refused.status_code == 503 and refused.headers["Retry-After"]
    assert kept(service) == before
    assert post(service, "m-full").status_code == 200
    assert kept(service) == before + 1


def test_posts_that_somebody_else_has_locked_are_answered_with_503_and_later_with_200(service):
    before = kept(service)
    other = sqlite3.connect(f"{service.database}-posts", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert post(service, "m-locked").status_code == 503
        other.execute("ROLLBACK")
    finally:
        other.close()
    assert post(service, "m-locked").status_code == 200
    assert kept(service) == before + 1


def test_database_that_somebody_else_has_locked_keeps_no_post_waiting(service):
    before = kept(service)
    other = sqlite3.connect(service.database, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert post(service, "m-waits-for-nobody").status_code == 200
        other.execute("ROLLBACK")
    finally:
        other.close()
    assert kept(service) == before + 1


def test_server_that_takes_no_writes_is_answered_with_503_and_later_with_200(cluster, tmp_path):
    def read_only(url: str, how: str) -> None:
        """For all sessions from now on; those that there are end."""
        name = url.partition("@/")[2].partition("?")[0]
        with cluster.connect("postgres") as connection:
            connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {how}")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )

    with cluster.database() as url:
        service = Processes(tmp_path, "http://127.0.0.1:9", url)
        service.start("web")
        try:
            read_only(url, "on")
            refused = post(service, "m-read-only")
            read_only(url, "off")
            assert refused.status_code == 503 and refused.headers["Retry-After"]
            assert post(service, "m-read-only").status_code == 200
            assert kept(service) == 1
        finally:
            read_only(url, "off")
            service.stop()


@pytest.mark.parametrize("name", ["web", "worker"])
def test_process_that_finds_no_tables_says_what_to_run_and_ends(tmp_path, service, name):
    environ = {**service.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.db'}"}
    done = subprocess.run(
        service._command(name),
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode != 0 and "peersupport release" in done.stderr
