"""What the stand-in remembers. Plain dataclasses that go to JSON and back; all of it is invented data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Message:
    """One message in a thread. `at` is milliseconds since 1970, as in Meta's webhooks."""

    mid: str
    by: Literal["student", "page"]
    at: int
    text: str | None = None
    attachments: list[str] = field(default_factory=list)  # image, audio, like, template ...
    quick_replies: list[Json] = field(default_factory=list)  # {"title", "payload"}
    buttons: list[Json] = field(default_factory=list)  # of a button template; they stay in the thread
    reply_to: str | None = None
    app_id: str | None = None  # of the Page's messages: which app wrote it
    metadata: str | None = None
    edits: int = 0
    withdrawn: bool = False
    reaction: str | None = None  # the student's, an emoji
    page_reaction: str | None = None
    accepted: bool = False  # of the student's messages: the webhook was answered with 200
    seen: bool = False  # by the other side


@dataclass(slots=True, kw_only=True)
class Thread:
    """One student and the Page. `psid` is the page-scoped id, here made up."""

    psid: str
    number: int  # "Student 1"
    messages: list[Message] = field(default_factory=list)
    opened_at: int | None = None  # the student's last act that opens the 24 hours, ms
    wrote_at: int | None = None  # the student's last message, ms; control lapses 24 hours later
    owner: str | None = None  # app id that controls the thread; None is idle
    blocked: bool = False
    typing: int = 0  # grows with each typing_on; what the page shows is `is_typing`
    is_typing: bool = False
    requested_by: str | None = None  # app id that asked for control

    def message(self, mid: str) -> Message | None:
        """The message with this id; the newest are looked at first."""
        return next((message for message in reversed(self.messages) if message.mid == mid), None)

    @property
    def offered(self) -> list[Json]:
        """Quick replies that can be tapped now: those of the last message; any next one removes them."""
        if not self.messages or self.messages[-1].by != "page":
            return []
        return self.messages[-1].quick_replies


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message that the stand-in took from the Graph API and showed to a student."""

    psid: str
    mid: str
    at: int
    text: str | None
    quick_replies: tuple[tuple[str, str], ...] = ()  # (title, payload)
    messaging_type: str = "RESPONSE"
    tag: str | None = None
    metadata: str | None = None
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to the Graph API, for tests that ask what was called and what came of it."""

    method: str
    path: str  # without the version
    status: int
    code: int | None = None
    subcode: int | None = None
    at: int = 0  # milliseconds since 1970 on the service's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One webhook item on its way to the app."""

    id: str
    page_id: str
    field: str  # the subscription field, such as message_echoes
    item: Json
    standby: bool = False  # goes out in `entry[].standby[]`
    mid: str | None = None  # of the student's message, to mark it as accepted
    psid: str | None = None


def thread_to_json(thread: Thread) -> Json:
    """The thread as plain data."""
    return asdict(thread)


def thread_from_json(data: Json) -> Thread:
    """The thread that `thread_to_json` wrote."""
    messages = [Message(**message) for message in data["messages"]]
    return Thread(**{**data, "messages": messages})
