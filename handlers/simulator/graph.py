"""`StandIn`: the Graph API as far as a Messenger bot uses it, answered as Meta answers it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from handlers.simulator import faults
from handlers.simulator.faults import Failure, GraphError, Mode, Switch, bad_parameter
from handlers.simulator.past import conversations
from handlers.simulator.profile import Profile
from handlers.simulator.records import Call, Delivery, Message, Thread
from handlers.simulator.rules import SENDER_ACTIONS, as_object, check_message, check_window, recipient
from handlers.simulator.webhooks import REACTIONS, from_student

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a Graph call is answered with. `hold_seconds` None: keep the caller waiting for good."""

    status: int
    body: Json | str
    headers: dict[str, str] = field(default_factory=dict)
    hold_seconds: float | None = 0.0

    @property
    def data(self) -> bytes:
        """The bytes on the wire."""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    @property
    def content_type(self) -> str:
        """JSON, or HTML for a broken gateway."""
        return "text/html; charset=utf-8" if isinstance(self.body, str) else "application/json; charset=UTF-8"


class StandIn(Profile):
    """Meta, on this machine. Thread-safe. See `State` for what it is made with.

    `calls` counts Graph requests, `call_log` holds the newest, `deliveries` what students were shown.
    """

    def __init__(self, **settings: Any) -> None:
        self.switch = Switch()
        self.calls = 0
        self.call_log: deque[Call] = deque(maxlen=2000)
        self._count_lock = threading.Lock()
        super().__init__(**settings)

    def fail(
        self,
        mode: Mode,
        *,
        calls: int | None = None,
        seconds: float | None = 15.0,
        milliseconds: int = 3000,
    ) -> None:
        """Misbehave from now on, or for the next `calls` calls (typing and seen are not counted).

        `seconds`: how late timeout_after_accepting answers; None is never. `milliseconds`: how slow is slow.
        """
        if mode not in faults.MODES:
            raise ValueError(f"no such failure; one of {', '.join(faults.MODES)}")
        self.switch.turn(Failure(mode=mode, left=calls, seconds=seconds, milliseconds=milliseconds))
        self.touch()

    def call(self, method: str, path: str, *, params: Json, body: Json, bearer: str | None = None) -> Answer:
        """Answer one request. `path` is what follows the version, `params` the query, `body` JSON or form."""
        with self._count_lock:
            self.calls += 1
        is_send = method == "POST" and path.endswith("/messages")
        is_action = is_send and "sender_action" in body
        failure = self.switch.take(counts=not is_action)
        if failure.left is not None:
            self.touch()
        trace = faults.trace_id()
        if failure.mode == "html_502":
            self._log(method, path, 502)
            return Answer(502, faults.HTML_502)
        hold: float | None = failure.milliseconds / 1000 if failure.mode == "slow" else 0.0
        try:
            self._refuse(failure, is_send=is_send)
            self._authorise(params, body, bearer)
            result = self._handler(method, path)({**params, **body})
            status, code = 200, None
            if failure.mode == "timeout_after_accepting" and is_send and not is_action:
                hold = failure.seconds
        except GraphError as error:
            result, status, code = error.body(trace), error.status, error
        self._log(method, path, status, code)
        headers = faults.usage(self.calls, self.page_id, exhausted=failure.mode == "429")
        headers |= {"facebook-api-version": "v26.0", "x-fb-trace-id": trace}
        if status == 401:
            headers["WWW-Authenticate"] = 'OAuth "Facebook Platform" "invalid_token"'
        return Answer(status, result, headers, hold)

    @staticmethod
    def _refuse(failure: Failure, *, is_send: bool) -> None:
        refusal = failure.refusal()
        if refusal:
            raise refusal
        if failure.mode == "restricted" and is_send:
            raise faults.restricted()

    def _log(self, method: str, path: str, status: int, error: GraphError | None = None) -> None:
        self.call_log.append(
            Call(
                method=method,
                path=path,
                status=status,
                code=error.code if error else None,
                subcode=error.subcode if error else None,
                at=self.now_ms(),
            )
        )

    def _authorise(self, params: Json, body: Json, bearer: str | None) -> None:
        token = bearer or body.get("access_token") or params.get("access_token")
        if not isinstance(token, str) or not hmac.compare_digest(token.encode(), self.token.encode()):
            raise faults.bad_token()
        if not self.app_secret:
            return
        proof = params.get("appsecret_proof") or body.get("appsecret_proof")
        right = hmac.new(self.app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        if not proof:
            sentence = "API calls from the server require an appsecret_proof argument"
            raise GraphError(100, sentence, kind="GraphMethodException")
        if not hmac.compare_digest(str(proof).encode(), right.encode()):
            sentence = "Invalid appsecret_proof provided in the API argument"
            raise GraphError(100, sentence, kind="GraphMethodException")

    def _handler(self, method: str, path: str) -> Callable[[Json], Json]:
        """The function behind a path. The Page is `me` or its id."""
        match = re.fullmatch(r"/([\w.-]+)(?:/(\w+))?/?", path)
        if not match or match[1] not in ("me", self.page_id):
            if match and match[1] in self.threads and not match[2]:
                raise bad_parameter("No profile permission for this person", 2018247)
            raise faults.unknown_object()
        table: dict[tuple[str, str | None], Callable[[Json], Json]] = {
            ("GET", None): self._me,
            ("POST", "messages"): self._send,
            ("GET", "messenger_profile"): self._get_profile,
            ("POST", "messenger_profile"): self._set_profile,
            ("DELETE", "messenger_profile"): self._delete_profile,
            ("GET", "subscribed_apps"): self._get_subscribed,
            ("POST", "subscribed_apps"): self._subscribe,
            ("DELETE", "subscribed_apps"): self._unsubscribe,
            ("GET", "conversations"): self._get_conversations,
            ("POST", "pass_thread_control"): self._pass_control,
            ("POST", "take_thread_control"): self._take_control,
            ("POST", "release_thread_control"): self._release_control,
            ("POST", "request_thread_control"): self._request_control,
            ("POST", "extend_thread_control"): self._extend_control,
            ("GET", "thread_owner"): self._thread_owner,
        }
        try:
            return table[method, match[2]]
        except KeyError:
            raise faults.unknown_object() from None

    def _me(self, params: Json) -> Json:
        known: Json = {
            "id": self.page_id,
            "name": "Demo Page",
            "messaging_feature_status": {"hop_v2": True, "msgr_multi_app": self.default_app},
        }
        fields = str(params.get("fields") or "id,name").split(",")
        return {name: known[name] for name in fields if name in known} | {"id": self.page_id}

    def _get_conversations(self, params: Json) -> Json:
        with self.locked():
            return conversations(self.threads.values(), params, page_id=self.page_id)

    # --- sending

    def _send(self, body: Json) -> Json:
        if "sender_action" in body:
            if "message" in body:
                raise bad_parameter("Cannot send message and sender_action together", 2018014)
            return self._act(body)
        psid = recipient(body)
        if "message" not in body:
            raise bad_parameter("The parameter message is required")
        message = as_object(body["message"], "message")
        check_message(message)
        reply_to = as_object(body.get("reply_to") or {}, "reply_to").get("mid")
        with self._change() as out:
            thread = self._reachable(psid)
            self._check_sendable(thread, body, reply_to)
            kept = Message(
                mid=self._mid(), by="page", at=self._stamp(), app_id=self.app_id, reply_to=reply_to
            )
            kept.metadata = message.get("metadata")
            kept.quick_replies = [
                {"title": reply.get("title") or reply["content_type"], "payload": reply.get("payload") or ""}
                for reply in message.get("quick_replies") or []
            ]
            _fill(kept, message)
            thread.messages.append(kept)
            thread.is_typing = False
            self.deliveries.append(_delivery(thread.psid, kept, body))
            out.append(self._echo(thread, kept))
            delivered = {"mids": [kept.mid], "watermark": kept.at}
            item = from_student(self.page_id, thread.psid, kept.at, delivery=delivered)
            del item["timestamp"]  # Meta documents deliveries without one
            out.append(self._happening("message_deliveries", item, thread))
            if "thread_control" in body:
                self._send_and_hand_over(thread, as_object(body["thread_control"], "thread_control"))
            return {"recipient_id": thread.psid, "message_id": kept.mid}

    def _check_sendable(self, thread: Thread, body: Json, reply_to: str | None) -> None:
        check_window(
            body,
            opened_at=thread.opened_at,
            now=self.now_ms(),
            human_agent_granted=self.human_agent_granted,
        )
        if reply_to:
            self._message(thread, reply_to, bad_parameter("reply_to names no message in this thread"))
        if self.owner(thread) not in (None, self.app_id):
            raise faults.other_owner()

    def _send_and_hand_over(self, thread: Thread, control: Json) -> None:
        passes = control.get("control_type") == "pass"
        thread.owner = str(control["app_id"]) if passes and control.get("app_id") else None

    def _reachable(self, psid: str) -> Thread:
        thread = self._addressee(psid)
        if thread.blocked:
            raise faults.not_available()
        return thread

    def _act(self, body: Json) -> Json:
        """Typing, seen, reactions. A sender action is refused outside the 24 hours, as a message is."""
        action, psid = body["sender_action"], recipient(body)
        if action not in SENDER_ACTIONS:
            raise bad_parameter(f"Param sender_action must be one of {{{', '.join(SENDER_ACTIONS)}}}")
        with self._change():
            thread = self._reachable(psid)
            self._check_sendable(thread, {"messaging_type": "RESPONSE"}, None)
            if action in ("typing_on", "typing_off"):
                thread.is_typing = action == "typing_on"
                thread.typing += thread.is_typing
            elif action == "mark_seen":
                for message in thread.messages:
                    message.seen = message.seen or message.by == "student"
            else:
                self._page_reacts(thread, action, as_object(body.get("payload"), "payload"))
        return {"recipient_id": psid}

    def _page_reacts(self, thread: Thread, action: str, payload: Json) -> None:
        mid = str(payload.get("message_id") or "")
        message = self._message(thread, mid, bad_parameter("payload names no message in this thread"))
        sign = str(payload.get("reaction") or "")
        if action == "react" and not sign:
            raise bad_parameter("The parameter payload[reaction] is required")
        message.page_reaction = REACTIONS.get(sign, sign) if action == "react" else None


def _fill(kept: Message, message: Json) -> None:
    """Text, or what can be shown of an attachment."""
    if message.get("attachment") is None:
        kept.text = message["text"]
        return
    attachment = as_object(message["attachment"], "message[attachment]")
    payload = as_object(attachment["payload"], "message[attachment][payload]")
    kept.attachments = [attachment["type"]]
    if attachment["type"] == "template":
        kept.text = payload.get("text")
        kept.buttons = [button for button in payload.get("buttons") or [] if isinstance(button, dict)]


def _delivery(psid: str, message: Message, body: Json) -> Delivery:
    return Delivery(
        psid=psid,
        mid=message.mid,
        at=message.at,
        text=message.text,
        quick_replies=tuple((reply["title"], reply["payload"]) for reply in message.quick_replies),
        messaging_type=body["messaging_type"],
        tag=body.get("tag"),
        metadata=message.metadata,
        attachments=tuple(message.attachments),
    )
