"""Who owns a thread: the calls of Conversation Routing.

Source: Messenger Platform "Conversation routing". Control lapses 24 hours after the student's last message.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.simulator.acts import Acts
from handlers.simulator.faults import bad_parameter, other_owner
from handlers.simulator.records import Thread
from handlers.simulator.rules import recipient

Json = dict[str, Any]


class Control(Acts):
    """Thread control as the app sees it; the inbox's side is in `acts.py`."""

    def _pass_control(self, body: Json) -> Json:
        thread = self._mine(body)
        target = body.get("target_app_id")
        if not target:
            raise bad_parameter("The parameter target_app_id is required")
        with self._change():
            thread.owner, thread.requested_by = str(target), None
        return {"success": True}

    def _release_control(self, body: Json) -> Json:
        thread = self._mine(body)
        with self._change():
            thread.owner = None
        return {"success": True}

    def _take_control(self, body: Json) -> Json:
        thread = self._addressee(recipient(body))
        if not self.default_app and self.owner(thread) not in (None, self.app_id):
            raise other_owner()
        with self._change():
            thread.owner, thread.requested_by = self.app_id, None
        return {"success": True}

    def _request_control(self, body: Json) -> Json:
        thread = self._addressee(recipient(body))
        with self._change():
            thread.requested_by = self.app_id
        return {"success": True}

    def _extend_control(self, body: Json) -> Json:
        self._mine(body)
        return {"success": True}

    def _thread_owner(self, params: Json) -> Json:
        psid = params.get("recipient")
        if not psid:
            raise bad_parameter("The parameter recipient is required")
        thread = self._addressee(str(psid))
        owner = self.owner(thread)
        if owner is None or thread.wrote_at is None:
            return {"data": []}
        lapses_at = datetime.fromtimestamp(thread.wrote_at / 1000, UTC) + timedelta(hours=24)
        return {"data": [{"thread_owner": {"app_id": owner, "expiration": int(lapses_at.timestamp())}}]}

    def _mine(self, body: Json) -> Thread:
        """The thread a call is about, unless another app has it."""
        thread = self._addressee(recipient(body))
        if self.owner(thread) not in (None, self.app_id):
            raise other_owner()
        return thread
