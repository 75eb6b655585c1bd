"""A service that can miss what is said to it: webhook, client and Meta's stand-in over real HTTP, on one clock."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

from flask import Flask
from patience import PATIENCE
from serving import served
from sqlite_files import open_migrated
from talk_support import oslo

from handlers.catch_up import CatchUp
from handlers.inbound import Inbound
from handlers.local_chat import LocalChat
from handlers.messenger import webhook
from handlers.messenger.client import MessengerClient
from handlers.messenger.intake import PostReader
from handlers.sender import Sender
from handlers.simulator.poster import Poster
from handlers.simulator.standalone import standing_graph
from storage.records import Duty, Role

SECRET = "outage-secret"


class Place:
    """The service, its webhook and Meta's stand-in, each at an address of this machine; one clock for all."""

    def __init__(self, content, folder, graph):
        self.graph, self.stand_in = graph, graph.stand_in
        storage = open_migrated(folder / "chat.db")
        self.chat = LocalChat(content, oslo("2026-11-25 12:00"), storage=storage)
        self.storage, self.content = storage, content
        self.stand_in.clock = self.chat.clock
        self.client = MessengerClient(
            page_id=self.stand_in.page_id,
            token=self.stand_in.token,
            app_secret=None,
            graph_version="26.0",
            graph_url=graph.url,
            read_timeout=PATIENCE,
            pool_size=4,
        )
        self.sender = Sender(self.storage, self.client, content.settings, self.chat.clock, worker="test")
        self.chat.inbound = Inbound(
            self.storage,
            lambda: self.content,
            self.chat.clock,
            read_posts=PostReader(
                self.chat.clock, page_id=self.stand_in.page_id, app_id=self.stand_in.app_id
            ),
        )
        self.is_ending = False

    @property
    def now(self):
        return self.chat.now

    def passes(self, **span):
        self.chat.now += timedelta(**span)

    def pause(self, seconds):
        self.passes(seconds=seconds)
        return self.is_ending

    def starts(self) -> CatchUp:
        """A worker that has just started."""
        return CatchUp(
            self.storage, self.client, lambda: self.content, self.chat.clock, app_id=self.stand_in.app_id
        )

    def catches_up(self, catching: CatchUp | None = None) -> bool:
        """One look, by a fresh worker unless said otherwise, and all that follows from it."""
        self.passes(minutes=2)  # the next slot
        done = (catching or self.starts()).run_if_due(self.pause)
        self.settle()
        return done

    def settle(self):
        while self.chat.inbound.drain() + self.sender.drain():
            pass

    def on_duty(self):
        def add(tx):
            staff_id = tx.staff.add("amalie", "Amalie", Role.SUPPORTER, "x", self.now)
            tx.staff.set_duty(staff_id, Duty.ON, self.now)
            tx.staff.seen(staff_id, self.now + timedelta(days=400))

        self.storage.write(add)

    def entries(self, psid):
        contact_id = self.storage.read(lambda tx: tx.contacts.find(psid))
        if contact_id is None:
            return []
        return self.storage.read(lambda tx: tx.transcript.entries(contact_id))

    def heard(self, psid):
        return [entry.text for entry in self.entries(psid) if entry.written_by == "contact"]

    def mids(self):
        """How often each message of a student stands in a transcript."""
        found: Counter[str] = Counter()
        for psid in self.stand_in.threads:
            found.update(e.mid for e in self.entries(psid) if e.written_by == "contact")
        return found

    def cards(self, psid):
        return [d for d in self.stand_in.deliveries if d.psid == psid and "113" in (d.text or "")]

    def incidents(self):
        return {i.kind for i in self.storage.read(lambda tx: tx.incidents.open_ones())}

    def calls(self, name):
        return [call for call in self.stand_in.call_log if call.path.endswith(f"/{name}")]


@contextmanager
def outage(content, folder):
    """A service that can miss what is said to it."""
    with standing_graph() as graph:
        place = Place(content, folder, graph)
        try:
            yield place
        finally:
            place.client.close()
            place.chat.close()


@contextmanager
def webhooks(place, **settings):
    """The web process; the stand-in posts to it as long as the block lasts."""
    door = webhook.Webhook(app_secret=SECRET, storage=place.storage, clock=place.chat.clock)
    with served(Flask("web"), door) as url:
        poster = Poster(f"{url}/webhook", SECRET, synchronous=True, **settings)
        place.stand_in.attach(poster)
        try:
            yield poster
        finally:
            poster.close()
