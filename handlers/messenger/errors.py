"""What went wrong with a call to Meta: what to do about it, one word for the log, one sentence for people.

Source: Messenger Platform "Error codes" (updated 2026-06-25), Graph API "Error handling" and "Rate limiting".
Decided on (code, error_subcode); several numbers of Meta's table appear as the code itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from handlers.channel import ChannelError
from handlers.messenger import usage, wire
from handlers.messenger.shown import SHOWN

Kind = Literal["retry", "permanent", "unknown"]
Scope = Literal["message", "contact", "page"]


class SendError(ChannelError):
    """Meta did not take a call, or we cannot know whether it did.

    code: stable, snake_case, safe to log.
    kind: `retry` was not carried out and may be repeated; `permanent` will fail again; `unknown` may have
        been carried out, so only its echo can tell.
    scope: `message`; `contact`, nobody can write to this contact for now; `page`, nothing can be sent until
        somebody has acted: hold the outbox.
    retry_after_seconds: how long the Page should send nothing to anybody; None when no such pause is asked.
    max_retries: how often a repetition is worth it; None where only time limits it.
    partly_sent: earlier parts of a long text have gone out, so it must not be sent again as a whole;
        `code` is then `partly_sent` and `reason` says why.
    shown: a sentence for the supporter, in nb and en.
    trace: Meta's `fbtrace_id`, for a report to them.
    """

    def __init__(
        self,
        code: str,
        *,
        kind: Kind,
        scope: Scope = "message",
        retry_after_seconds: float | None = None,
        max_retries: int | None = None,
        partly_sent: bool = False,
        reason: str | None = None,
        trace: str | None = None,
    ) -> None:
        super().__init__(code)
        self.code, self.kind, self.scope = code, kind, scope
        self.retry_after_seconds, self.max_retries = retry_after_seconds, max_retries
        self.partly_sent, self.reason, self.trace = partly_sent, reason or code, trace
        self.shown = SHOWN.get(code, SHOWN["refused"])

    def after_earlier_parts(self) -> SendError:
        """The same failure of a later part, after an earlier one has gone out."""
        return SendError(
            "partly_sent",
            kind="permanent",
            partly_sent=True,
            reason=self.code,
            trace=self.trace,
        )


@dataclass(frozen=True, slots=True)
class _Row:
    code: str
    kind: Kind
    scope: Scope = "message"
    after: float | None = None
    tries: int | None = None


_DOWN = _Row("graph_down", "retry", tries=3)
_RATE = _Row("rate_limited", "retry", after=60)
_USE_CASE = _Row("rate_limited", "retry", after=300)
_PERMISSION = _Row("permission_missing", "retry", "page")  # not lost: held until somebody has acted
_RESTRICTED = _Row("page_restricted", "retry", "page")
_TOKEN = _Row("token_dead", "retry", "page")
_WINDOW = _Row("window_closed", "permanent", "contact")
_GONE = _Row("unreachable", "permanent", "contact")
_EITHER = _Row("window_or_blocked", "permanent", "contact")
_ELSEWHERE = _Row("thread_owned_elsewhere", "permanent", "contact")
_QUESTIONS = _Row("question_flow", "retry", "contact")
_OUR_BUG = _Row("bad_request", "permanent")
_MEDIA = _Row("media_not_fetched", "retry", tries=1)

_TABLE: dict[tuple[int, int | None], _Row] = {
    (1, None): _DOWN,
    (1, 99): _PERMISSION,
    (1, 1357046): _Row("no_answer", "unknown"),  # "invalid JSON reply"; the messages were in fact sent
    (2, None): _DOWN,  # also seen when the contact has blocked the Page: hence three tries
    (2, 2018344): _Row("labels_not_accepted", "permanent"),
    (3, None): _PERMISSION,
    (4, None): _RATE,
    (10, None): _PERMISSION,
    (10, 2018278): _WINDOW,
    (10, 2018065): _WINDOW,
    (10, 2018108): _GONE,
    (10, 2018336): _Row("restricted_in_europe", "permanent", "contact"),
    (10, 1893063): _RESTRICTED,
    (17, None): _RATE,
    (32, None): _RATE,
    (100, None): _OUR_BUG,
    (100, 33): _Row("not_found", "permanent", "contact"),
    (100, 2018001): _GONE,
    (100, 2018008): _MEDIA,
    (100, 2018294): _MEDIA,
    (100, 2018247): _Row("profile_not_permitted", "permanent", "contact"),
    (190, None): _TOKEN,
    (200, None): _PERMISSION,
    (200, 1545041): _EITHER,
    (230, None): _PERMISSION,
    (341, None): _RATE,
    (368, None): _RESTRICTED,
    (546, None): _OUR_BUG,
    (551, None): _GONE,
    (551, 1545041): _EITHER,
    (613, None): _RATE,
    (613, 2018338): _Row("tag_misuse_warning", "retry", "page"),
    (1200, None): _DOWN,
    (80001, None): _USE_CASE,
    (80006, None): _USE_CASE,
    (1545041, None): _EITHER,
    (2018171, None): _ELSEWHERE,
    (2018218, None): _Row("no_profile", "permanent", "contact"),
    (2018300, None): _ELSEWHERE,
    (2018321, None): _QUESTIONS,
    (9000001, None): _Row("message_deleted", "permanent"),
}

# Seven-digit numbers mean one thing, wherever they stand; small ones are used several times over.
_DISTINCT = {number: row for pair, row in _TABLE.items() for number in pair if number and number > 1_000_000}


def classify(status: int, body: bytes, headers: Mapping[str, str]) -> SendError:
    """The error that an answer from Graph amounts to. `status` counts only where the body says nothing."""
    try:
        error = wire.mapping(wire.mapping(wire.loads(body)).get("error"))
    except ValueError:
        error = {}
    code, subcode = wire.whole(error.get("code")), wire.whole(error.get("error_subcode"))
    row = _row(code, subcode) or _by_status(
        status, transient=error.get("is_transient") is True, said=bool(error)
    )
    after = row.after
    if row.code == "rate_limited":
        after = usage.regain_seconds(headers) or usage.retry_after_seconds(headers) or row.after
    return SendError(
        row.code,
        kind=row.kind,
        scope=row.scope,
        retry_after_seconds=after,
        max_retries=row.tries,
        trace=wire.short(error.get("fbtrace_id"), 60),
    )


def _row(code: int | None, subcode: int | None) -> _Row | None:
    """The row for both numbers, else for whichever says most, else for the code alone."""
    if code is None:
        return None
    exact = _TABLE.get((code, subcode))
    return exact or _DISTINCT.get(subcode or 0) or _DISTINCT.get(code) or _TABLE.get((code, None))


def _by_status(status: int, *, transient: bool, said: bool) -> _Row:
    if status == 429:
        return _RATE
    if transient:
        return _DOWN
    if status >= 500 or (status < 300 and not said):
        return _Row("no_answer", "unknown")  # a proxy's page, or half an answer: it may have been carried out
    return _Row("refused", "permanent") if said else _Row("graph_unreachable", "retry", tries=3)
