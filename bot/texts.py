"""All wording outside the flows, from texts.yaml: which keys there must be, and how one is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from bot.cards import KEYS as CARD_KEYS
from bot.cards import SERVICES as CARD_SERVICES
from bot.fill import MAX_TEXT, MAX_TITLE, Field, fill, in_languages, longest, units, wording_problems
from bot.services import Services
from bot.settings import Page, Words
from bot.yaml_text import Located, Path, Problem, near

_NONE: frozenset[str] = frozenset()
_OPEN = frozenset({"next_open"})
_NUMBER = frozenset({"number"})  # of the service to call when there is danger of their kind


def _section(name: str, plain: str, /, **with_fields: frozenset[str]) -> dict[str, frozenset[str]]:
    keys = {f"{name}.{key}": _NONE for key in plain.split()}
    return keys | {f"{name}.{key}": fields for key, fields in with_fields.items()}


# Every key the code says, with the fields it fills in. Keys ending in _button are titles of quick replies.
REQUIRED: Mapping[str, frozenset[str]] = {
    **_section(
        "closed",
        "nobody_free",
        reply_granted=_OPEN,
        reply_not_granted=_OPEN,
        short=_OPEN,
        at_closing_granted=_OPEN,
        at_closing_not_granted=_OPEN,
    ),
    **_section(
        "queue",
        "first wait_question wait_yes_button wait_no_button wait_help_button wait_thanks left left_flagged have_place",
        place=frozenset({"ahead"}),
        closed=_OPEN,
    ),
    **_section("person", "left", here=frozenset({"alias"}), left_closed=_OPEN),
    **_section("help", "card danger_button talk_button wrong_button wrong"),
    **_section(
        "card",
        "neutral automatic when_nobody again quiet yes_button no_button cannot_button notice alerted"
        " ask_alone ask_near ask_now ask_friend alone_yes alone_no near_yes near_no now_yes now_no"
        " friend_yes friend_no unanswered",
        when_closed=_OPEN,
        when_closed_contact=_OPEN,
        alerted_away=_NUMBER,
        line_open=_NUMBER,
        line_nobody=_NUMBER,
        line_elsewhere=_NUMBER,
        answer_person=_NUMBER,
        line_closed=_NUMBER | _OPEN,
        line_closed_contact=_NUMBER | _OPEN,
    ),
    **_section("card", " ".join([*CARD_KEYS, *(f"to_{service}" for service in CARD_SERVICES)])),
    **_section(
        "cannot_call",
        "open away",
        person=_NUMBER,
        closed=_OPEN,
        look_open=_NUMBER,
        look_away=_NUMBER,
        look_closed=_NUMBER | _OPEN,
        place_open=_NUMBER,
        place_away=_NUMBER,
        place_closed=_NUMBER | _OPEN,
    ),
    **_section(
        "soft",
        "question danger yes_button no_button unsure_button",
        no=_NUMBER,
        unsure=_NUMBER,
        heard=_NUMBER,
    ),
    **_section("foreign", "line"),
    **_section("young", "referral"),
    **_section("stop", "done danger"),
    **_section("pause", "done"),
    **_section("language", "changed"),
    **_section("erase", "question yes_button no_button kept waits", done=frozenset({"code"})),
    **_section("media", "unreadable unopened like"),
    **_section("idle", "question still_button done_button thanks"),
    **_section("history", "yes_button no_button thanks declined late", question=frozenset({"alias"})),
    **_section("keep", "yes_button no_button thanks declined late", question=frozenset({"alias", "note"})),
    **_section("goodbye", "idle", question=frozenset({"hours"}), plain=frozenset({"hours"})),
    **_section("feedback", "yes_button some_button no_button skip_button thanks"),
    **_section("menu", "people_button"),
    "skip_button": _NONE,
    "system_error": _NONE,
}


class Texts:
    """The wording, ready to be said. Keys are dotted: `closed.reply_granted`."""

    def __init__(self, words: Mapping[str, Words], page: Page, services: Services) -> None:
        self.words = dict(words)
        self._always: dict[str, Field] = {
            **services.numbers,
            "page_name": page.name,
            "privacy_url": page.privacy_url,
            "contact_email": page.contact_email,
        }

    def say(self, key: str, language: str | None, **fields: Field) -> str:
        """The text of `key`, filled; in both languages while `language` is None.

        Raises KeyError for a key or field that is not there; `check` finds those before anybody reads them.
        """
        words = self.words[key]
        return in_languages(language, lambda each: self.fill(words.in_(each), each, **fields))

    def title(self, key: str, language: str | None) -> str:
        """A button's title, at most 20 characters; bokmål while the language is not known."""
        return self.words[key].in_(language)

    def fill(self, text: str, language: str, **fields: Field) -> str:
        """Any wording in one language with the page's facts, the services' numbers and `fields` filled in."""
        return fill(text, language, {**self._always, **fields}) if "{" in text else text


def read_texts(located: Located) -> tuple[dict[str, Words], list[Problem]]:
    """The file's wording by dotted key, and what is wrong with its form."""
    words: dict[str, Words] = {}
    found: list[Problem] = []
    for path, leaf in _leaves(located.data, ()):
        key = ".".join(str(part) for part in path)
        if not isinstance(leaf, dict):
            found.append(located.problem(f"{key!r} must be {{nb: ..., en: ...}}", *path))
            continue
        try:
            words[key] = Words.model_validate(leaf)
        except ValidationError as error:
            found += [_wrong(located, key, path, each) for each in error.errors(include_url=False)]
    return words, found


def _wrong(located: Located, key: str, path: Path, error: Any) -> Problem:
    language = str(error["loc"][-1]) if error["loc"] else ""
    said = {
        "missing": f"{key!r}: {language!r} is missing",
        "extra_forbidden": f"{key!r}: unknown key {language!r}{near(language, ('nb', 'en'))}",
        "string_too_short": f"{key!r}: {language!r} is empty",
    }.get(error["type"], f"{key!r}: {language!r} must be text")
    return located.problem(said, *path, language)


def _leaves(data: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    """Every text with its path: a mapping whose values are not mappings, or something that is wrong there."""
    for key, value in data.items():
        if isinstance(value, dict) and value and all(isinstance(each, dict) for each in value.values()):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def text_problems(located: Located, words: Mapping[str, Words], numbers: Mapping[str, str]) -> list[Problem]:
    """Missing and unknown keys, unknown placeholders, texts that are too long, numbers written out."""
    found = [
        located.problem(f"the text {key!r} is missing", *key.split("."))
        for key in REQUIRED
        if key not in words and not _stands(located, key)
    ]
    for key, text in words.items():
        path = key.split(".")
        if key not in REQUIRED:
            found.append(located.problem(f"unknown text {key!r}{near(key, REQUIRED)}", *path))
            continue
        allowed = REQUIRED[key]
        said = wording_problems(text, allowed, numbers)
        said += title_problems(text) if key.endswith("_button") else length_problems(text, numbers)
        found += [located.problem(f"{key}: {each}", *path) for each in said]
    return found


def _stands(located: Located, key: str) -> bool:
    return tuple(key.split(".")) in located.lines


def title_problems(text: Words) -> list[str]:
    """Titles that the channel would cut off."""
    return [
        f"{language}: {units(title)} characters; a button takes {MAX_TITLE}"
        for language, title in (("nb", text.nb), ("en", text.en))
        if units(title) > MAX_TITLE
    ]


def length_problems(text: Words, numbers: Mapping[str, str], extra: int = 0) -> list[str]:
    """Texts too long for one message. Counted for both languages together: so they go out at first.

    `extra` is what is added below the text, such as lines of services.
    """
    length = longest(text.nb, numbers) + longest(text.en, numbers) + 2 + extra
    if length <= MAX_TEXT:
        return []
    return [f"nb and en together may reach {length} characters; one message takes {MAX_TEXT}"]
