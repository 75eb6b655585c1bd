"""The stand-in's state: one lock around it, one file beside it, one number that grows with each change."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.errors import NotPossible
from handlers.simulator.faults import GraphError, nobody_there
from handlers.simulator.poster import Poster
from handlers.simulator.records import Delivery, Happening, Message, Thread, thread_from_json, thread_to_json
from handlers.simulator.webhooks import FIELDS

Json = dict[str, Any]


class Refused(NotPossible):
    """Messenger itself would not let a student, or somebody in Meta's inbox, do this."""


class State:
    """Everything the stand-in knows. `clock` is the service's clock; messages carry its time."""

    def __init__(
        self,
        *,
        page_id: str = "100000000000001",
        app_id: str = "200000000000002",
        token: str = "demo-token",  # noqa: S107  (this is the demo's own, and works nowhere else)
        app_secret: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        human_agent_granted: bool = False,
        default_app: bool = True,
        path: Path | None = None,
    ) -> None:
        """`app_secret`: when given, every Graph call must carry a right `appsecret_proof`.

        `default_app`: our app is the default of Conversation Routing. `path`: read now if it exists, and
        written after each change.
        """
        self.page_id, self.app_id, self.token, self.app_secret = page_id, app_id, token, app_secret
        self.clock, self.human_agent_granted, self.default_app = clock, human_agent_granted, default_app
        self.threads: dict[str, Thread] = {}
        self.deliveries: list[Delivery] = []
        self.profile: Json = {}
        self.subscribed_fields: list[str] = list(FIELDS)
        self.version = 0
        self._pending: dict[str, Happening] = {}  # webhooks nobody has accepted yet
        self._poster: Poster | None = None
        self._last_stamp = 0
        self._condition = threading.Condition(threading.RLock())
        self._path = path
        if path and path.exists():
            self.load(path)

    # --- change and wait

    @contextmanager
    def _change(self) -> Iterator[list[Happening]]:
        """Change something under the lock; the webhooks put into the list go out afterwards."""
        happenings: list[Happening] = []
        with self._condition:
            yield happenings
            wanted = [each for each in happenings if self._is_wanted(each)]
            poster = self._poster
            if poster or self._path:
                self._pending.update({each.id: each for each in wanted})
            self._bump()
            if poster and not poster.synchronous:
                poster.put(wanted)  # in here, so that webhooks leave in the order of the changes
        if poster and poster.synchronous:
            poster.put(wanted)  # out here: the app may call the Graph API before it answers

    def _is_wanted(self, happening: Happening) -> bool:
        needed = {happening.field, "standby"} if happening.standby else {happening.field}
        return needed <= set(self.subscribed_fields)

    def _bump(self) -> None:
        self.version += 1
        if self._path:
            self.save(self._path)
        self._condition.notify_all()

    def touch(self) -> None:
        """Tell the page that something beside the state changed, such as the clock."""
        with self._condition:
            self.version += 1
            self._condition.notify_all()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Look at several things while nothing changes."""
        with self._condition:
            yield

    def wait_for_change(self, after: int, timeout_seconds: float) -> int:
        """The version once it differs from `after`, or when the time is out."""
        with self._condition:
            self._condition.wait_for(lambda: self.version != after, timeout_seconds)
            return self.version

    def attach(self, poster: Poster) -> None:
        """Post webhooks through `poster` from now on, those of an earlier run first."""
        with self._condition:
            self._poster = poster
            poster.on_accepted, poster.now_ms = self._accepted, self.now_ms
            waiting = list(self._pending.values())
        poster.put(waiting)

    def _accepted(self, happenings: Sequence[Happening]) -> None:
        with self._condition:
            for each in happenings:
                self._pending.pop(each.id, None)
                thread = self.threads.get(each.psid or "")
                message = thread.message(each.mid) if thread and each.mid else None
                if message:
                    message.accepted = True
            self._bump()

    # --- little things

    def now_ms(self) -> int:
        """The service's time in milliseconds since 1970."""
        return int(self.clock().timestamp() * 1000)

    def _stamp(self) -> int:
        """A time for the next event, later than the one before unless the clock was moved back."""
        now = self.now_ms()
        if now <= self._last_stamp < now + 60_000:
            now = self._last_stamp + 1
        self._last_stamp = now
        return now

    def _mid(self) -> str:
        return "m_" + secrets.token_urlsafe(48)

    def _happening(self, field: str, item: Json, thread: Thread, mid: str | None = None) -> Happening:
        owner = self.owner(thread)
        standby = owner not in (None, self.app_id) and field != "messaging_handovers"
        return Happening(
            id=secrets.token_hex(8),
            page_id=self.page_id,
            field=field,
            item=item,
            standby=standby,
            mid=mid,
            psid=thread.psid,
        )

    def owner(self, thread: Thread) -> str | None:
        """The app that controls the thread; None when idle: control lapses 24 hours after the last message."""
        if thread.wrote_at is None or self.now_ms() - thread.wrote_at > 24 * 3600 * 1000:
            return None
        return thread.owner

    def thread(self, psid: str) -> Thread:
        """The student's thread. Raises Refused when there is no such student."""
        try:
            return self.threads[psid]
        except KeyError:
            raise Refused("no such student") from None

    def _addressee(self, psid: str) -> Thread:
        """The thread that a Graph call is for."""
        try:
            return self.threads[psid]
        except KeyError:
            raise nobody_there() from None

    @staticmethod
    def _message(thread: Thread, mid: str, error: GraphError | None = None) -> Message:
        message = thread.message(mid)
        if message is None or message.withdrawn:
            raise error or Refused("no such message")
        return message

    # --- the file

    def save(self, path: Path) -> None:
        """Write everything to `path` as JSON; the file is whole at every instant."""
        with self._condition:
            data = {
                "threads": [thread_to_json(thread) for thread in self.threads.values()],
                "profile": self.profile,
                "subscribed_fields": self.subscribed_fields,
                "pending": [asdict(each) for each in self._pending.values()],
                "deliveries": [asdict(each) for each in self.deliveries],
                "version": self.version,
            }
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(path.name + ".new")
            new.write_text(json.dumps(data), encoding="utf-8")
            os.replace(new, path)

    def load(self, path: Path) -> None:
        """Take over what `save` wrote."""
        data = json.loads(path.read_text(encoding="utf-8"))
        with self._condition:
            self.threads = {each["psid"]: thread_from_json(each) for each in data["threads"]}
            for thread in self.threads.values():
                thread.is_typing = False
            self.profile, self.subscribed_fields = data["profile"], data["subscribed_fields"]
            self._pending = {each["id"]: Happening(**each) for each in data["pending"]}
            self.deliveries = [
                Delivery(
                    **{
                        **each,
                        "quick_replies": tuple(tuple(pair) for pair in each["quick_replies"]),
                        "attachments": tuple(each["attachments"]),
                    }
                )
                for each in data["deliveries"]
            ]
            self.version = data["version"] + 1
            self._condition.notify_all()
