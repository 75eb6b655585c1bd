"""What `page setup` writes to Meta and `page doctor` looks at: token, subscriptions, profile, webhook.

Source: Messenger Profile API, "Persistent menu", Page `subscribed_apps` and
`conversations`; limits in `handlers.messenger.limits`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.settings import Words
from bot.wording import week_in_words
from handlers.cli.parts import Content, PageClient
from handlers.environment import Environment
from handlers.messenger.errors import SendError
from handlers.messenger.limits import GREETING, MENU_TITLE, WEBHOOK_FIELDS

# Locales of Messenger that get a text of their own; `default` is everybody else.
LOCALES = {"default": "nb", "nb_NO": "nb", "en_US": "en", "en_GB": "en"}
WEBHOOK_SECONDS = 10
ADVICE = {
    "token_dead": "Make a new Page token in the app's Messenger settings and put it into PAGE_ACCESS_TOKEN.",
    "wrong_page": "The token belongs to another Page: compare it with PAGE_ID.",
    "permission_missing": "Give the app pages_messaging and pages_manage_metadata, and make a new token.",
}
PAST_ADVICE = (
    "Give the app pages_read_engagement beside pages_messaging and pages_manage_metadata, and make a new token. "
    "Until then somebody must look into Meta's inbox after each outage."
)

_GREETING = Words(
    nb="Skriv til en medstudent, {hours}. Vi har taushetsplikt, men ikke når det er fare for liv. Akutt: ring {amk}.",
    en="Write to a fellow student, {hours}. We keep it confidential unless life is in danger. Emergency: call {amk}.",
)
_MENU: tuple[tuple[str, Words], ...] = (
    ("help", Words(nb="Jeg trenger hjelp nå ({amk})", en="I need help now ({amk})")),
    ("people", Words(nb="Prate med noen", en="Talk to someone")),
    ("menu", Words(nb="Meny", en="Menu")),
    ("language", Words(nb="English", en="Norsk")),
    ("erase", Words(nb="Slett det dere har lagret", en="Delete what you have stored")),
)
_PRIVACY = Words(nb="Personvern", en="Privacy")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was done or looked at; `advice` says what to do, or what else to know."""

    name: str
    ok: bool
    advice: str | None = None


def profile(content: Content) -> dict[str, object]:
    """Greeting, "Get started" and menu. All of it works, and names the emergency number, when we are down."""
    return {
        "get_started": {"payload": "start"},
        "greeting": [{"locale": loc, "text": _greeting(content, lang)} for loc, lang in LOCALES.items()],
        "persistent_menu": [
            {"locale": loc, "composer_input_disabled": False, "call_to_actions": _menu(content, lang)}
            for loc, lang in LOCALES.items()
        ],
    }


def set_up(client: PageClient, env: Environment, content: Content) -> Iterator[Check]:
    """Write profile and subscriptions; nothing is written with a token that is not this Page's."""
    token = _tried("the token is this Page's", client.check_token)
    yield token
    if not token.ok:
        return
    yield _tried("greeting, menu and Get started are written", lambda: client.set_profile(profile(content)))
    yield _tried("the Page's events are subscribed", client.subscribe)
    yield from _subscriptions(client, env)


def examine(client: PageClient, env: Environment, content: Content) -> Iterator[Check]:
    """Look at everything that must be right on Meta's side and at our own address; changes nothing."""
    yield _tried("the token is this Page's", client.check_token)
    yield from _subscriptions(client, env)
    yield _past(client)
    yield from _profile(client, content)
    yield _webhook(env, content)


def _subscriptions(client: PageClient, env: Environment) -> Iterator[Check]:
    name = "the Page's events reach this app"
    try:
        found = client.subscriptions()
    except SendError as error:
        yield _failed(name, error)
        return
    missing = [field for field in WEBHOOK_FIELDS if field not in found.get(env.app_id, ())]
    advice = f"Run `peersupport page setup`; missing: {', '.join(missing)}." if missing else None
    yield Check(name, not missing, advice)
    others = sorted(set(found) - {env.app_id, ""})
    if others:
        yield Check(
            "other apps hear this Page too",
            True,
            f"{', '.join(others)}. In the Page's conversation routing this app must be the default.",
        )


def _past(client: PageClient) -> Check:
    """Ask what is asked after an outage. Which permissions that takes Meta's pages do not say in one place, so the
    call itself is tried; nothing of the answer is kept or shown.
    """
    name = "what was missed can be read after an outage"
    try:
        client.conversations()
    except SendError as error:
        if error.code == "permission_missing":
            return Check(name, False, f"Meta said {error.code}. {PAST_ADVICE}")
        return _failed(name, error)
    return Check(name, True)


def _profile(client: PageClient, content: Content) -> Iterator[Check]:
    try:
        found = client.get_profile()
    except SendError as error:
        yield _failed("the Messenger profile can be read", error)
        return
    wanted = profile(content)
    different = [name for name, value in wanted.items() if not _holds(found.get(name), value)]
    advice = f"Run `peersupport page setup`; different: {', '.join(different)}." if different else None
    yield Check("greeting, menu and Get started are ours", not different, advice)


def _holds(found: object, wanted: object) -> bool:
    """Whether Meta's answer says what we wrote; it may add keys of its own."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_holds(found.get(name), each) for name, each in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            return False
        return all(any(_holds(each, item) for each in found) for item in wanted)
    return found == wanted


def _webhook(env: Environment, content: Content) -> Check:
    """Ask our own webhook what Meta asks it, at the address where the privacy notice is."""
    import requests  # only now: the web process has no use for it

    name = "the webhook answers as Meta needs it"
    address = urlsplit(content.settings.page.privacy_url)
    local = address.scheme == "http" and address.hostname == "127.0.0.1"
    if not (local or address.scheme == "https") or (address.hostname or "").endswith("example.org"):
        return Check(
            name, False, "Write this service's own https address into page.privacy_url in config.yaml."
        )
    challenge = secrets.token_hex(8)
    asked = {
        "hub.mode": "subscribe",
        "hub.verify_token": env.verify_token.get_secret_value(),
        "hub.challenge": challenge,
    }
    url = f"{address.scheme}://{address.netloc}/webhook"
    try:
        answer = requests.get(url, params=asked, timeout=WEBHOOK_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        # Its text holds the address with the verify token.
        return Check(name, False, f"{address.netloc} cannot be reached ({type(error).__name__}).")
    if answer.status_code == 200 and answer.text == challenge:
        return Check(name, True)
    return Check(name, False, f"It answered {answer.status_code}: compare VERIFY_TOKEN with the running one.")


def _tried(name: str, act: Callable[[], None]) -> Check:
    try:
        act()
    except SendError as error:
        return _failed(name, error)
    return Check(name, True)


def _failed(name: str, error: SendError) -> Check:
    return Check(name, False, f"Meta said {error.code}. {ADVICE.get(error.code, 'Try again in a minute.')}")


def _greeting(content: Content, language: str) -> str:
    hours = week_in_words(content.settings.service_hours, language)
    whole = content.texts.fill(_GREETING.in_(language), language, hours=hours)
    if len(whole) <= GREETING:
        return whole
    # A week that takes many words: the number matters more than the hours.
    return content.texts.fill(_GREETING.in_(language).replace(", {hours}", ""), language)


def _menu(content: Content, language: str) -> list[dict[str, str]]:
    other = "en" if language == "nb" else "nb"
    items = [
        {
            "type": "postback",
            "title": content.texts.fill(title.in_(language), language)[:MENU_TITLE],
            "payload": other if payload == "language" else payload,
        }
        for payload, title in _MENU
    ]
    privacy = {
        "type": "web_url",
        "title": _PRIVACY.in_(language),
        "url": content.settings.page.privacy_url,
    }
    return [*items, privacy]
