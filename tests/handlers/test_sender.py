"""The sender against the stand-in for Graph over real HTTP: every kind of refusal, and nothing sent twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from patience import PATIENCE
from sqlite_files import open_migrated
from talk_support import oslo

from bot.messages import BotMessage, Purpose
from handlers import jobs
from handlers.inbound import Inbound
from handlers.local_chat import LocalChat
from handlers.messenger.client import MessengerClient
from handlers.sender import Sender
from handlers.simulator.graph import StandIn
from handlers.simulator.standalone import standing_graph
from storage.records import Delivery, NewEvent, Role


class Line:
    """A service whose channel is a real client on a real connection to the stand-in."""

    def __init__(self, content, folder, graph, now):
        self.graph = graph
        self.stand_in: StandIn = graph.stand_in
        self.chat = LocalChat(content, now, storage=open_migrated(folder / "chat.db"))
        self.stand_in.clock = self.chat.clock
        self.client = self._connected(read_timeout=PATIENCE)
        self.storage = self.chat.storage
        self.sender = self._sends_by(self.client)
        self.inbound = Inbound(self.storage, lambda: content, self.chat.clock)
        self.psid = self.stand_in.new_student()
        self.contact_id = self.writes("hei på dere")

    def _connected(self, read_timeout: float) -> MessengerClient:
        return MessengerClient(
            page_id=self.stand_in.page_id,
            token=self.stand_in.token,
            app_secret=None,
            graph_version="26.0",
            graph_url=self.graph.url,
            connect_timeout=PATIENCE,
            read_timeout=read_timeout,
            pool_size=4,
        )

    def _sends_by(self, client: MessengerClient) -> Sender:
        return Sender(self.storage, client, self.chat.content.settings, self.chat.clock, worker="test")

    @contextmanager
    def unanswered(self) -> Iterator[None]:
        """Meanwhile Meta takes messages and never says so; whoever sends waits half a second for it."""
        self.stand_in.fail("timeout_after_accepting", seconds=None)
        client, patient = self._connected(read_timeout=0.5), self.sender
        self.sender = self._sends_by(client)
        yield
        self.sender = patient
        client.close()
        self.stand_in.fail("normal")

    def writes(self, text: str) -> int:
        from bot.events import TextReceived

        mid = self.stand_in.write(self.psid, text)
        event = TextReceived(sent_at=self.now, mid=mid, text=text)
        self.storage.write(
            lambda tx: tx.inbox.add([NewEvent(psid=self.psid, key=f"message:{mid}", event=event)], self.now)
        )
        return self.storage.read(lambda tx: tx.contacts.find(self.psid))

    @property
    def now(self) -> datetime:
        return self.chat.now

    def say(self, text: str = "Hei", purpose: Purpose = Purpose.ANSWER, **more) -> int:
        self.inbound.drain()
        message = BotMessage(purpose=purpose, text=text, not_after=self.now + timedelta(hours=1), **more)
        return self.storage.write(lambda tx: tx.outbox.add(self.contact_id, message, self.now))

    def state(self, outbox_id: int) -> tuple[Delivery, str | None]:
        entries = self.storage.read(lambda tx: tx.transcript.entries(self.contact_id))
        entry = next(e for e in entries if e.outbox_id == outbox_id)
        return entry.delivery, entry.failure

    def arrived(self, text: str) -> int:
        return sum(d.text == text for d in self.stand_in.deliveries)

    def arrives(self, text: str, times: int = 1) -> int:
        """As often as that at least: whoever no longer waits for an answer may be sooner than the message itself."""
        until = time.monotonic() + PATIENCE
        while self.arrived(text) < times and time.monotonic() < until:
            self.stand_in.wait_for_change(self.stand_in.version, 0.05)
        return self.arrived(text)

    def passes(self, **span: float) -> None:
        self.chat.now += timedelta(**span)


@pytest.fixture
def line(content, tmp_path):
    with standing_graph() as graph:
        line = Line(content, tmp_path, graph, oslo("2026-11-25 12:00"))
        line.sender.drain()
        line.inbound.drain()
        line.sender.drain()
        yield line
        line.client.close()
        line.chat.close()


def test_message_is_sent_with_its_outbox_id_in_the_metadata_and_no_tag(line):
    outbox_id = line.say("Hei der")
    line.sender.drain()
    sent = next(d for d in line.stand_in.deliveries if d.text == "Hei der")
    assert str(outbox_id) in sent.metadata and sent.tag is None and sent.messaging_type == "RESPONSE"
    assert line.state(outbox_id)[0] is Delivery.SENT


def test_busy_page_is_tried_again_after_a_growing_pause(line):
    outbox_id = line.say("Hei der")
    line.stand_in.fail("500", calls=1)
    line.sender.drain()
    assert line.state(outbox_id)[0] is Delivery.WAITING and line.arrived("Hei der") == 0
    line.passes(minutes=2)
    line.sender.drain()
    assert line.state(outbox_id)[0] is Delivery.SENT and line.arrived("Hei der") == 1


@pytest.mark.parametrize("purpose", [Purpose.FLOW, Purpose.QUEUE, Purpose.CLOSED])
def test_a_text_that_was_in_flight_when_a_person_came_is_not_tried_again_after_their_name(line, purpose):
    line.writes("prate")
    line.chat.settle()
    amalie = line.chat.storage.write(
        lambda tx: tx.staff.get(tx.staff.add("amalie", "Amalie", Role.SUPPORTER, "x", line.now))
    )
    line.sender.drain()
    outbox_id = line.say("Velg en av knappene", purpose)
    (in_flight,) = line.storage.write(lambda tx: tx.outbox.claim(line.now, "test", 1))
    line.chat.deeds.claim(line.contact_id, amalie)
    line.stand_in.fail("500", calls=1)
    line.sender._send(in_flight)
    line.passes(minutes=2)
    line.sender.drain()
    assert line.state(outbox_id)[0] is Delivery.DROPPED and line.arrived("Velg en av knappene") == 0
    assert "Amalie" in line.stand_in.deliveries[-1].text


def test_rate_limit_pauses_everything_until_it_is_over(line):
    first = line.say("en")
    line.stand_in.fail("429", calls=1)
    line.sender.drain()
    second = line.say("to")
    line.sender.drain()
    assert line.state(first)[0] is line.state(second)[0] is Delivery.WAITING
    line.stand_in.fail("normal")
    for _ in range(3):
        line.passes(hours=0.3)
        line.sender.drain()
    assert line.state(first)[0] is line.state(second)[0] is Delivery.SENT


def test_message_that_keeps_failing_is_shown_as_failed(line):
    outbox_id = line.say("Hei der")
    line.stand_in.fail("500")
    for _ in range(8):
        line.sender.drain()
        line.passes(minutes=6)
    assert line.state(outbox_id)[0] is Delivery.FAILED


def test_unknown_fate_is_not_repeated_and_the_echo_settles_it(line):
    outbox_id = line.say("Hei der")
    with line.unanswered():
        line.sender.drain()
    assert line.state(outbox_id)[0] is Delivery.UNKNOWN and line.arrives("Hei der") == 1
    line.sender.drain()
    assert line.arrived("Hei der") == 1
    line.storage.write(lambda tx: tx.outbox.confirm(line.contact_id, outbox_id, "m-echo", line.now))
    assert line.state(outbox_id)[0] is Delivery.SENT


def test_unknown_fate_without_an_echo_is_shown_to_people_and_lets_the_next_go(line):
    outbox_id = line.say("Hei der")
    with line.unanswered():
        line.sender.drain()
    assert line.arrives("Hei der") == 1
    after = line.say("neste")
    line.sender.drain()
    assert line.state(after)[0] is Delivery.WAITING, "nothing overtakes a message of unknown fate"
    line.passes(seconds=21)
    jobs.settle_unknown(line.storage, line.now)
    line.sender.drain()
    assert line.state(outbox_id)[0] is Delivery.UNKNOWN and line.arrived("Hei der") == 1
    assert line.state(after)[0] is Delivery.SENT


def test_card_of_unknown_fate_is_sent_once_more_and_only_once(line):
    line.say("Kortet", Purpose.CARD)
    for _ in range(4):
        with line.unanswered():
            line.sender.drain()
        line.passes(seconds=25)
        jobs.settle_unknown(line.storage, line.now)
    assert line.arrives("Kortet", 2) == 2


def test_dead_token_is_one_incident_holds_the_outbox_and_drains_when_it_works_again(line):
    ids = [line.say(f"nr {n}") for n in range(3)]
    line.stand_in.fail("dead_token")
    for _ in range(3):
        line.sender.drain()
        line.passes(seconds=40)
    incidents = line.storage.read(lambda tx: tx.incidents.open_ones())
    assert [i.kind for i in incidents] == ["page:token_dead"]
    assert all(line.state(i)[0] is Delivery.WAITING for i in ids)
    line.stand_in.fail("normal")
    line.passes(seconds=40)
    line.sender.drain()
    assert [d.text for d in line.stand_in.deliveries if d.text.startswith("nr ")] == ["nr 0", "nr 1", "nr 2"]
    assert line.storage.read(lambda tx: tx.incidents.open_ones()) == []


def test_late_message_is_dropped_and_never_sent_stale(line):
    outbox_id = line.say("Hei der")
    line.passes(hours=2)
    line.sender.drain()
    assert line.state(outbox_id)[0] is Delivery.LAPSED and line.arrived("Hei der") == 0


def test_late_question_is_asked_anew_in_its_place(line):
    line.stand_in.fail("dead_token")
    line.writes("hva kan dere")
    line.inbound.drain()
    line.sender.drain()
    line.stand_in.fail("normal")
    line.passes(hours=1)
    before = len(line.stand_in.deliveries)
    line.sender.drain()
    line.inbound.drain()
    line.sender.drain()
    assert len(line.stand_in.deliveries) > before, "the step that waits is asked again"


def test_blocked_student_fails_without_harm_to_others(line):
    line.stand_in.block(line.psid)
    outbox_id = line.say("Hei der")
    line.sender.drain()
    assert line.state(outbox_id)[0] is Delivery.FAILED


def test_long_text_goes_out_in_parts_in_order(line):
    text = " ".join(f"Setning nummer {n}." for n in range(200))
    line.say(text)
    line.sender.drain()
    parts = [d.text for d in line.stand_in.deliveries if d.text.startswith("Setning") or "Setning" in d.text]
    assert len(parts) > 1 and " ".join(p.strip() for p in parts) == text


def test_a_supporter_who_types_is_shown_once_and_not_while_the_page_is_held(line):
    def typed() -> int:
        line.storage.write(lambda tx: tx.typing.want(line.contact_id, line.now))
        line.sender.drain()
        return line.stand_in.threads[line.psid].typing

    line.sender.drain()
    before = line.stand_in.threads[line.psid].typing
    assert (typed(), typed()) == (before + 1, before + 1)
    line.passes(seconds=20)
    line.storage.write(lambda tx: tx.incidents.open("page:token_dead", line.now))
    assert typed() == before + 1


def test_typing_is_shown_before_the_bot_answers_and_not_before_a_card(line):
    line.say("Hei der")
    line.sender.drain()
    kinds = [c.path for c in line.stand_in.call_log]
    assert len(kinds) >= 2
    before = line.stand_in.calls
    line.say("Kort", Purpose.CARD)
    line.sender.drain()
    assert line.stand_in.calls == before + 1


def test_nothing_of_a_message_reaches_the_log(line, caplog):
    line.say("hemmelig-markør-1")
    line.stand_in.fail("dead_token")
    line.sender.drain()
    told = json.dumps([r.__dict__ for r in caplog.records], default=str)
    assert "hemmelig-markør-1" not in told and line.psid not in told and line.stand_in.token not in told
