"""The Send API client: the only file that knows pymessenger.

pymessenger 0.0.7.0 builds the payloads and ends every working call in `send_raw`, which is replaced here: its
own has no timeout, opens a connection for each call, returns errors as ordinary answers, and puts the token
into the URL, from where it reaches exception texts and proxies' logs.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from bot.errors import ContentError
from bot.messages import BotMessage, Choice, SupporterMessage
from bot.window import HumanAgentTag
from handlers.messenger import limits, usage, wire
from handlers.messenger.errors import SendError, classify
from handlers.messenger.http_answer import Answer
from handlers.messenger.left_out import left_out
from handlers.messenger.profile import problems as profile_problems
from handlers.messenger.read_message import metadata
from handlers.messenger.split import shortened, split
from handlers.messenger.transport import Transport

with left_out("requests", "requests_toolbelt"):  # 4 MB, for calls that are replaced or blocked below
    from pymessenger.bot import Bot
    from pymessenger.utils import generate_appsecret_proof

_PAUSE_FROM_PERCENT = 95
_PAUSE_SECONDS = 30.0  # when Meta does not say how long
_PROFILE_FIELDS = "greeting,get_started,persistent_menu,ice_breakers,commands"


@dataclass(frozen=True, slots=True)
class SendResult:
    """A message that Meta took. `mid` is that of the last part; None when Meta named none."""

    mid: str | None


Payload = dict[str, object]  # of one call
_Talk = Generator[Payload, Mapping[str, object], SendResult]


class MessengerClient(Bot):
    """One Page's way to Graph. Safe for many threads; every failure is a SendError, without URL or token."""

    def __init__(
        self,
        *,
        page_id: str,
        token: str,
        app_secret: str | None,
        graph_version: str,
        graph_url: str = "https://graph.facebook.com",
        connect_timeout: float = 3.05,
        read_timeout: float = 10.0,
        pool_size: int = 32,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`graph_version` like "26.0". `graph_url` without version; plain http only to this machine.

        `monotonic` measures pauses, nothing else.
        """
        # An empty secret would yield a proof with an empty key, hence None.
        super().__init__(token, api_version=graph_version.removeprefix("v"), app_secret=app_secret or None)
        self.page_id = page_id
        self.graph_url = f"{graph_url.rstrip('/')}/v{self.api_version}"
        self.usage_percent = 0  # the highest figure of the latest answer that told any
        self.failed_actions = 0  # typing and seen that Meta did not take
        self._transport = Transport(self.graph_url, token, connect_timeout, read_timeout, pool_size)
        self._monotonic = monotonic
        self._paused_until = 0.0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<MessengerClient {self.graph_url}>"

    @property
    def auth_args(self) -> dict[str, str]:
        """What goes into the URL: the proof that we know the app secret, never the token."""
        if self.app_secret is None:
            return {}
        if not hasattr(self, "_auth_args"):
            self._auth_args = {
                "appsecret_proof": generate_appsecret_proof(self.access_token, self.app_secret)
            }
        return self._auth_args

    # Sending

    def send(
        self,
        psid: str,
        message: BotMessage | SupporterMessage,
        *,
        outbox_id: int,
        tag: HumanAgentTag | None = None,
    ) -> SendResult:
        """Send one outbound message, long texts in parts, quick replies under the last one.

        Raises SendError; its `partly_sent` says that earlier parts have gone out. Raises TypeError for a tag
        on anything but the message of the person it was made for.
        """
        talk = self._talk(psid, message, outbox_id, tag)
        try:
            payload = next(talk)
            while True:
                try:
                    answer = self.send_raw(payload) if tag is None else self._post(payload)
                except SendError as error:
                    payload = talk.throw(error)
                else:
                    payload = talk.send(answer)
        except StopIteration as end:
            result: SendResult = end.value
            return result

    def soon(self, work: Callable[[], None]) -> None:
        """Run this where `begin` may be called: in the one thread that holds all calls under way."""
        self._transport.soon(work)

    def begin(
        self,
        psid: str,
        message: BotMessage | SupporterMessage,
        *,
        outbox_id: int,
        tag: HumanAgentTag | None = None,
        shows_typing: bool = False,
        leaves: Callable[[], None],
        done: Callable[[SendResult | SendError], None],
    ) -> None:
        """As `send`, without waiting: `leaves` is called just before each part of it leaves, and `done` is told what
        came of it, in the same thread.
        """
        talk = self._talk(psid, message, outbox_id, tag, shows_typing)
        self._go_on(talk, lambda: next(talk), leaves, done)

    def _go_on(
        self,
        talk: _Talk,
        step: Callable[[], Payload],
        leaves: Callable[[], None],
        done: Callable[[SendResult | SendError], None],
    ) -> None:
        """One step of a talk with Graph; its answer is the next one's beginning."""
        try:
            payload = step()
        except StopIteration as end:
            done(end.value)
            return
        except SendError as error:
            done(error)
            return

        def answered(answer: Answer | SendError) -> None:
            try:
                data = answer if isinstance(answer, SendError) else self._read(answer)
            except SendError as error:
                data = error
            following = partial(talk.throw, data) if isinstance(data, SendError) else partial(talk.send, data)
            self._go_on(talk, following, leaves, done)

        first = leaves if "message" in payload else _nothing  # typing is nobody's message
        self._transport.post(f"{self.page_id}/messages", self.auth_args, payload, first, answered)

    def _talk(
        self,
        psid: str,
        message: BotMessage | SupporterMessage,
        outbox_id: int,
        tag: HumanAgentTag | None,
        shows_typing: bool = False,
    ) -> _Talk:
        """The calls of one message in their order. It is sent each one's answer, or thrown its SendError."""
        if tag is not None and not (
            isinstance(tag, HumanAgentTag)
            and isinstance(message, SupporterMessage)
            and tag.supporter_id == message.supporter_id
        ):
            raise TypeError("the human agent tag goes with the message of the person it was made for")
        parts = split(message.text)
        if not parts:
            raise SendError("bad_request", kind="permanent")
        if shows_typing and self.pause_seconds() <= 0:
            try:
                yield {"recipient": {"id": psid}, "sender_action": "typing_on"}
            except SendError:
                self._count_failed_action()
        kind = (
            {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"} if tag else {"messaging_type": "RESPONSE"}
        )
        answer: Mapping[str, object] = {}
        for number, part in enumerate(parts, start=1):
            last = number == len(parts)
            body: dict[str, object] = {"text": part, "metadata": metadata(outbox_id, last=last)}
            if last and isinstance(message, BotMessage) and message.choices:
                body["quick_replies"] = _quick_replies(message.choices)
            try:
                answer = yield {"recipient": {"id": psid}, **kind, "message": body}
            except SendError as error:
                failure = error if number == 1 else error.after_earlier_parts()
            else:
                continue
            raise failure
        return SendResult(wire.message_id(answer.get("message_id")))

    def send_raw(self, payload: Mapping[str, Any]) -> dict[str, object]:
        """Where all of pymessenger's calls end. Refuses a tag: only `send` can tell who wrote the words."""
        if "tag" in payload or payload.get("messaging_type") == "MESSAGE_TAG":
            raise TypeError("a tag can only be sent by `send`, with a person's message")
        body = dict(payload)
        for name in ("recipient", "message"):
            if isinstance(body.get(name), str):  # pymessenger's media calls put JSON text into the JSON
                body[name] = json.loads(body[name])
        if "message" in body:
            body.setdefault("messaging_type", "RESPONSE")
        return self._post(body)

    def _post(self, payload: object) -> dict[str, object]:
        return self._call("POST", f"{self.page_id}/messages", body=payload)

    def typing(self, psid: str, on: bool) -> None:
        """Show or hide "...". Costs a call, so it is left out while Meta asks us to slow down. Never raises."""
        self._act(psid, "typing_on" if on else "typing_off")

    def _act(self, psid: str, action: str) -> None:
        if self.pause_seconds() > 0:
            return
        try:
            self.send_action(psid, action)
        except SendError:
            self._count_failed_action()

    def _count_failed_action(self) -> None:
        with self._lock:
            self.failed_actions += 1

    # Whose thread it is (Conversation Routing)

    def take_thread(self, psid: str) -> None:
        """Take control of the thread; works for the default app, and when nobody has it."""
        self._call("POST", f"{self.page_id}/take_thread_control", body={"recipient": {"id": psid}})

    # The Page itself, for `page setup` and `page doctor`

    def check_token(self) -> None:
        """Raise SendError unless the token works and is this Page's."""
        answer = self._call("GET", "me", params={"fields": "id"})
        if wire.person_id(answer.get("id")) != self.page_id:
            raise SendError("wrong_page", kind="retry", scope="page")

    def set_profile(self, profile: Mapping[str, object]) -> None:
        """Set these properties of the Messenger profile; Meta allows 10 such calls in 10 minutes.

        Raises ContentError, and writes nothing, when greeting or menu would not help while we are down.
        """
        if problems := profile_problems(profile):
            raise ContentError(problems)
        self._call("POST", "me/messenger_profile", body=dict(profile))

    def get_profile(self) -> dict[str, object]:
        """The Messenger profile as it is."""
        answer = self._call("GET", "me/messenger_profile", params={"fields": _PROFILE_FIELDS})
        return wire.mapping(next(iter(wire.items(answer.get("data"))), None))

    def subscribe(self, fields: Sequence[str] = limits.WEBHOOK_FIELDS) -> None:
        """Subscribe the Page's events to our app; the app's own fields are set in Meta's dashboard."""
        self._call("POST", f"{self.page_id}/subscribed_apps", params={"subscribed_fields": ",".join(fields)})

    def subscriptions(self) -> dict[str, tuple[str, ...]]:
        """The webhook fields of each app that is subscribed to the Page, by app id."""
        answer = self._call("GET", f"{self.page_id}/subscribed_apps")
        apps = [wire.mapping(app) for app in wire.items(answer.get("data"))]
        return {
            wire.person_id(app) or "": tuple(
                field for field in wire.items(app.get("subscribed_fields")) if isinstance(field, str)
            )
            for app in apps
        }

    def conversations(self, *, after: str | None = None) -> dict[str, object]:
        """The Page's conversations with their newest messages, 25 at a time, those where something was said last
        first. `after`: the cursor of the answer before. Two calls a second at most are allowed.
        """
        params = {
            "platform": "messenger",
            "fields": limits.PAST_FIELDS,
            "limit": str(limits.CONVERSATIONS),
        }
        if after:
            params["after"] = after
        return self._call("GET", f"{self.page_id}/conversations", params=params)

    # Meta's limits

    def pause_seconds(self) -> float:
        """How long to send nothing, because the limits are nearly used up; calls in a block prolong it."""
        with self._lock:
            return max(0.0, self._paused_until - self._monotonic())

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _call(
        self, method: str, path: str, *, params: dict[str, str] | None = None, body: object = None
    ) -> dict[str, object]:
        return self._read(self._transport.call(method, path, {**self.auth_args, **(params or {})}, body))

    def _read(self, answer: Answer) -> dict[str, object]:
        """What an answer says. Raises SendError when it is a refusal."""
        self._note_usage(answer.headers)
        try:
            data = wire.loads(answer.body)
        except ValueError:
            data = None
        if answer.status != 200 or not isinstance(data, dict) or "error" in data:
            raise classify(answer.status, answer.body, answer.headers)
        return data

    def _note_usage(self, headers: Mapping[str, str]) -> None:
        percent = usage.percent(headers)
        if percent is None:
            return
        with self._lock:
            self.usage_percent = percent
            if percent >= _PAUSE_FROM_PERCENT:
                pause = usage.regain_seconds(headers) or _PAUSE_SECONDS
                self._paused_until = self._monotonic() + pause

    # Broken in pymessenger 0.0.7.0 under Python 3, or sending the wrong type

    def _blocked(self, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError("this call is broken in pymessenger 0.0.7.0; we send words only")

    send_image = send_audio = send_video = send_file = send_video_url = _blocked


def _nothing() -> None:
    """For calls of which nobody keeps track."""


def _quick_replies(choices: Sequence[Choice]) -> list[dict[str, str]]:
    return [
        {
            "content_type": "text",
            "title": shortened(choice.title, limits.QUICK_REPLY_TITLE),
            "payload": shortened(choice.payload, limits.PAYLOAD),
        }
        for choice in choices[: limits.QUICK_REPLIES]
    ]
