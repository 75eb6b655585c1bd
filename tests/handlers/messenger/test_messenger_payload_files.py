"""Every payload file, plain and awkward, posted to the webhook; what was stored is what the file expects.

A file has `about`, `body` (or `raw`: pieces of text, some repeated, for what no JSON writer would write) and
`expect`: the status, and the events in order with the fields that matter.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from messenger_world import APP_ID, NOW, PAGE_ID, Service

from bot.events import from_json, to_json
from handlers.messenger import wire
from handlers.messenger.payloads import read_body
from storage import Tx

FILES = sorted((Path(__file__).parent / "payloads").glob("*.json"))


def body_of(case: dict) -> bytes:
    if "raw" not in case:
        return json.dumps(case["body"]).encode()
    pieces = (piece if isinstance(piece, str) else piece["repeat"] * piece["times"] for piece in case["raw"])
    return "".join(pieces).encode()


def stored(tx: Tx) -> list[dict]:
    """What the worker would take, as JSON, with the PSID it belongs to."""
    found = []
    while (taken := next(iter(tx.inbox.take(NOW)), None)) is not None:
        psid = tx.contacts.psid(taken.contact_id) if taken.contact_id is not None else None
        found.append({"id": taken.id, "psid": psid, **json.loads(to_json(taken.event))})
        tx.inbox.done([taken.id], NOW)
    return sorted(found, key=lambda each: each["id"])


def check_fields(found: dict, expected: dict) -> None:
    text = found.get("text") or ""
    shown = found | {"text_length": len(text), "text_begins": text[:9], "text_ends": text[-7:]}
    assert {name: shown.get(name) for name in expected} == expected


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_what_is_stored_is_what_the_file_expects_however_often_it_comes(path: Path, service: Service) -> None:
    case = json.loads(path.read_text("utf-8"))
    expect = case["expect"]
    for psid in {event["psid"] for event in expect.get("events", ()) if event["psid"]}:
        service.storage.write(lambda tx, psid=psid: tx.contacts.find_or_add([psid], NOW)[psid])

    answer = service.post(body_of(case))

    assert answer.status_code == expect["status"], case["about"]
    once = service.reads()
    counters = service.storage.read(lambda tx: tx.counters.all())
    service.post(body_of(case))
    assert service.reads() == once
    found = service.storage.write(stored)
    expected = expect.get("events", [])
    assert [event["kind"] for event in found] == [event["kind"] for event in expected]
    for event, fields in zip(found, expected, strict=True):
        check_fields(event, fields)
    assert counters.get("foreign_entries", 0) == expect.get("foreign", 0)
    assert counters.get("unknown_items", 0) == expect.get("unknown", 0)
    assert counters.get("duplicate_events", 0) == expect.get("duplicates", 0)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_event_survives_being_written_and_read(path: Path) -> None:
    try:
        data = wire.loads(body_of(json.loads(path.read_text("utf-8"))))
    except ValueError:
        return
    for new in read_body(data, page_id=PAGE_ID, app_id=APP_ID, now=NOW).events:
        assert from_json(to_json(new.event)) == new.event
        assert len(new.key) < 10_000
