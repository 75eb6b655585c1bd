"""Meta's error bodies, and the failures that a test or the demo can switch on.

Source: Messenger Platform "Error codes", Graph API "Handling errors". Decide on code and subcode; the
sentences are near to Meta's, not the same in every word.
"""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]

MODES = (
    "normal",
    "429",
    "500",
    "html_502",
    "timeout_after_accepting",
    "dead_token",
    "slow",
    "restricted",
)
Mode = Literal[
    "normal", "429", "500", "html_502", "timeout_after_accepting", "dead_token", "slow", "restricted"
]


class GraphError(Exception):
    """Meta refuses a call. `status` is the HTTP status; `code` and `subcode` are what a client reads."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        subcode: int | None = None,
        status: int = 400,
        kind: str = "OAuthException",
        transient: bool | None = None,
        shown: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}/{subcode}")
        self.code, self.subcode, self.status = code, subcode, status
        self.message, self.kind, self.transient, self.shown = message, kind, transient, shown

    def body(self, trace: str) -> Json:
        """The error as Meta words it: `{"error": {...}}`."""
        error: Json = {"message": self.message, "type": self.kind}
        if self.transient is not None:
            error["is_transient"] = self.transient
        error["code"] = self.code
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.shown:
            error["error_user_title"], error["error_user_msg"] = self.shown
        return {"error": {**error, "fbtrace_id": trace}}


def bad_parameter(sentence: str, subcode: int | None = None) -> GraphError:
    """Error 100: our bug."""
    return GraphError(100, f"(#100) {sentence}", subcode=subcode)


def outside_window() -> GraphError:
    """10/2018278: the 24 hours (or 7 days) are over."""
    return GraphError(
        10, "(#10) This message is sent outside of allowed window.", subcode=2018278, status=403
    )


def nobody_there() -> GraphError:
    """100/2018001: no such PSID on this Page."""
    return bad_parameter("No matching user found", 2018001)


def not_available() -> GraphError:
    """551/1545041: blocked, opted out or deactivated."""
    return GraphError(551, "(#551) This person isn't available right now.", subcode=1545041)


def other_owner() -> GraphError:
    """2018300: Meta's table prints this number as the code."""
    return GraphError(2018300, "(#2018300) Message not sent: another app is controlling this thread now.")


def bad_token(subcode: int | None = None) -> GraphError:
    """190: missing, wrong or dead token."""
    sentence = (
        "Error validating access token: The session has been invalidated because the user changed their "
        "password or Facebook has changed the session for security reasons."
        if subcode == 460
        else "Invalid OAuth access token - Cannot parse access token"
    )
    return GraphError(190, sentence, subcode=subcode, status=401)


def unknown_object() -> GraphError:
    """100/33: the path names something that does not exist, or that the token may not see."""
    return GraphError(
        100,
        "Unsupported request. The object does not exist, cannot be loaded due to missing permissions, "
        "or does not support this operation.",
        subcode=33,
        kind="GraphMethodException",
    )


def usage(calls: int, page_id: str, *, exhausted: bool = False, regain_minutes: int = 1) -> dict[str, str]:
    """The two usage headers; percentages, and minutes until access comes back."""
    percent = 100 if exhausted else min(99, calls // 100)
    figures = {"call_count": percent, "total_cputime": percent // 2, "total_time": percent // 2}
    business = {
        page_id: [
            {
                "type": "messenger",
                **figures,
                "estimated_time_to_regain_access": regain_minutes if exhausted else 0,
            }
        ]
    }
    return {
        "X-App-Usage": json.dumps(figures, separators=(",", ":")),
        "X-Business-Use-Case-Usage": json.dumps(business, separators=(",", ":")),
    }


def trace_id() -> str:
    """A fresh `fbtrace_id`."""
    return "A" + secrets.token_urlsafe(16)


HTML_502 = (
    "<!DOCTYPE html>\n<html lang='en'><head><title>Error</title></head>"
    "<body><h1>Sorry, something went wrong.</h1></body></html>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How the Graph API misbehaves now."""

    mode: Mode = "normal"
    left: int | None = None  # calls it still applies to; None: until changed
    seconds: float | None = None  # timeout_after_accepting: answers this late; None: never, until changed
    milliseconds: int = 0  # slow

    def refusal(self) -> GraphError | None:
        """The error that this failure gives before anything is looked at."""
        match self.mode:
            case "429":
                return GraphError(613, "(#613) Calls to this api have exceeded the rate limit.", status=429)
            case "500":
                return GraphError(
                    2,
                    "An unexpected error has occurred. Please retry your request later.",
                    status=500,
                    transient=True,
                )
            case "dead_token":
                return bad_token(460)
            case _:
                return None


def restricted() -> GraphError:
    """10/1893063: the Page may not send for now."""
    return GraphError(
        10,
        "(#10) The Page is temporarily restricted from sending messages.",
        subcode=1893063,
        status=403,
        shown=("Page restricted", "This Page can't send messages right now."),
    )


@dataclass(slots=True)
class Switch:
    """The failure that is on, safe to use from several threads."""

    now: Failure = field(default_factory=Failure)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _changed: threading.Event = field(default_factory=threading.Event)

    def turn(self, failure: Failure) -> None:
        """Switch to another failure; answers that were being held back are let go."""
        with self._lock:
            self.now = failure
            self._changed.set()
            self._changed = threading.Event()

    def take(self, *, counts: bool) -> Failure:
        """The failure for this call. `counts`: it uses up one of the calls that were asked for."""
        with self._lock:
            failure = self.now
            if counts and failure.left is not None:
                left = failure.left - 1
                self.now = (
                    Failure()
                    if left <= 0
                    else Failure(
                        mode=failure.mode,
                        left=left,
                        seconds=failure.seconds,
                        milliseconds=failure.milliseconds,
                    )
                )
            return failure

    def hold(self, seconds: float | None) -> None:
        """Keep a caller waiting, until `turn` is called at the latest. None: as long as that takes."""
        with self._lock:
            changed = self._changed
        changed.wait(seconds)
