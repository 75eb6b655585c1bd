"""The environment: secrets and places. Everything else is in config.yaml.

A `.env` file in the home folder is read too; what the process was started with wins over it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values
from pydantic import SecretStr

from bot.errors import PeerSupportError
from handlers.simulator.guard import is_demo_token

DEFAULTS = {
    "DATABASE_URL": "sqlite:///data/peersupport.db",
    "GRAPH_API_URL": "https://graph.facebook.com",
    "PORT": "8000",
}
FOR_STORAGE = frozenset({"SECRET_KEY", "DATA_KEYS"})
FOR_SENDING = FOR_STORAGE | {"PAGE_ID", "PAGE_ACCESS_TOKEN", "APP_SECRET"}
FOR_RECEIVING = FOR_STORAGE | {"PAGE_ID", "APP_ID", "APP_SECRET", "VERIFY_TOKEN"}
FOR_ALL = FOR_SENDING | FOR_RECEIVING
SECRET_KEY_LENGTH = 32


class EnvironmentProblem(PeerSupportError):
    """Variables are missing or wrong. One line each, with what to write; never their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the process was given. Secrets do not show in its repr; what was not needed may be empty."""

    page_id: str
    page_access_token: SecretStr
    app_secret: SecretStr
    verify_token: SecretStr
    app_id: str
    secret_key: SecretStr
    data_keys: SecretStr
    database_url: str = field(repr=False)  # may hold a password
    graph_api_url: str  # no slash at the end
    smtp_url: str | None = field(repr=False)  # may hold a password
    alert_webhook_url: str | None = field(default=None, repr=False)  # may hold a token
    alert_webhook_secret: SecretStr = field(default_factory=lambda: SecretStr(""))
    port: int
    home: Path

    @property
    def is_real(self) -> bool:
        """Whether somebody else than the stand-in is written to. A process without a token writes to nobody."""
        token = self.page_access_token.get_secret_value()
        return bool(token) and not is_demo_token(token)

    @classmethod
    def load(
        cls, home: Path, *, need: Collection[str] = (), environ: Mapping[str, str] | None = None
    ) -> Environment:
        """Read it. `need` names the variables that must be there, such as FOR_SENDING.

        Raises EnvironmentProblem, which names every variable that is missing or wrong at once. A wrong value
        is a problem even where it is not needed.
        """
        values = read(home, environ)
        problems = [
            problem
            for name, check in _CHECKS.items()
            if (problem := _problem(values.get(name, ""), check, name in need))
        ]
        if values.get("ALERT_WEBHOOK_URL") and not values.get("ALERT_WEBHOOK_SECRET"):
            problems.append(_WEBHOOK_SECRET_MISSING)
        if problems:
            lines = "\n".join(f"  {line}" for line in problems)
            raise EnvironmentProblem(f"The environment is not complete (see .env.example):\n{lines}")

        def secret(name: str) -> SecretStr:
            return SecretStr(values.get(name, ""))

        return cls(
            page_id=values.get("PAGE_ID", ""),
            page_access_token=secret("PAGE_ACCESS_TOKEN"),
            app_secret=secret("APP_SECRET"),
            verify_token=secret("VERIFY_TOKEN"),
            app_id=values.get("APP_ID", ""),
            secret_key=secret("SECRET_KEY"),
            data_keys=secret("DATA_KEYS"),
            database_url=values["DATABASE_URL"],
            graph_api_url=values["GRAPH_API_URL"].rstrip("/"),
            smtp_url=values.get("SMTP_URL"),
            alert_webhook_url=values.get("ALERT_WEBHOOK_URL"),
            alert_webhook_secret=secret("ALERT_WEBHOOK_SECRET"),
            port=int(values["PORT"]),
            home=home,
        )


def read(home: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Defaults, then `.env`, then the process's own variables; an empty value counts as missing."""
    dotenv = dotenv_values(home / ".env")
    given = {**dotenv, **(os.environ if environ is None else environ)}
    return DEFAULTS | {name: value.strip() for name, value in given.items() if value and value.strip()}


def new_keys() -> dict[str, str]:
    """Fresh values for SECRET_KEY and DATA_KEYS. The key's id is random: two can stand side by side."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {"SECRET_KEY": secrets.token_urlsafe(48), "DATA_KEYS": f"k{secrets.token_hex(3)}:{key}"}


def throwaway_disk(environ: Mapping[str, str]) -> str | None:
    """The platform we run on, if its disk is thrown away at every restart; None: the disk stays, as far as
    one can tell. SQLITE_ON_PERSISTENT_DISK=yes says that it stays.
    """
    if environ.get("SQLITE_ON_PERSISTENT_DISK", "").strip().lower() == "yes":
        return None
    return next((name for name, found in _PLATFORMS.items() if found(environ)), None)


def disk_problem(environment: Environment, environ: Mapping[str, str] | None = None) -> str | None:
    """Why this machine must not keep the service's data in SQLite; None: it may."""
    if not environment.database_url.startswith("sqlite:"):
        return None
    platform = throwaway_disk(read(environment.home, environ))
    if platform is None:
        return None
    return (
        f"{platform} throws the disk away at every restart, and every conversation with it: DATABASE_URL "
        "must not be a SQLite file on it. If the disk does stay, set SQLITE_ON_PERSISTENT_DISK=yes."
    )


_PLATFORMS: dict[str, Callable[[Mapping[str, str]], bool]] = {
    "Heroku": lambda e: "DYNO" in e,
    "Cloud Run": lambda e: "K_SERVICE" in e,
    "Render": lambda e: "RENDER" in e and not _below(e, "/var/data"),
    "Fly.io": lambda e: "FLY_APP_NAME" in e and not _below(e, "/data"),
    "Vercel": lambda e: "VERCEL" in e,
    "AWS Lambda": lambda e: "AWS_LAMBDA_FUNCTION_NAME" in e,
    "Railway": lambda e: "RAILWAY_ENVIRONMENT" in e and not _below(e, e.get("RAILWAY_VOLUME_MOUNT_PATH", "")),
}


def _below(environ: Mapping[str, str], mount: str) -> bool:
    """Whether the database file lies on the platform's lasting disk."""
    path = environ.get("DATABASE_URL", "").removeprefix("sqlite:///")
    return bool(mount) and Path(path).is_relative_to(mount)


def _problem(value: str, check: Callable[[str], str | None], needed: bool) -> str | None:
    if value or needed:
        return check(value)
    return None


def _text(name: str, hint: str) -> Callable[[str], str | None]:
    return lambda value: None if value else f"{name} is missing: {hint}"


def _matching(name: str, pattern: str, hint: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        if re.fullmatch(pattern, value, re.ASCII):
            return None
        return f"{name} is {'wrong' if value else 'missing'}: {hint}"

    return check


def _port(value: str) -> str | None:
    if value.isascii() and value.isdigit() and 0 < int(value) < 65536:
        return None
    return "PORT is wrong: write a number from 1 to 65535, such as 8000"


def _secret_key(value: str) -> str | None:
    if len(value) >= SECRET_KEY_LENGTH:
        return None
    return (
        f"SECRET_KEY is {'too short' if value else 'missing'}: run `peersupport keys new` and copy its line"
    )


_WEBHOOK_SECRET_MISSING = (
    f"ALERT_WEBHOOK_SECRET is missing or too short: write {SECRET_KEY_LENGTH} or more random characters that the "
    "gateway knows too"
)


def _webhook_secret(value: str) -> str | None:
    return None if len(value) >= SECRET_KEY_LENGTH else _WEBHOOK_SECRET_MISSING


def _data_keys(value: str) -> str | None:
    hint = "write id:key, several separated by commas; run `peersupport keys new` for a fresh one"
    if not value:
        return f"DATA_KEYS is missing: {hint}"
    ids = []
    for part in value.split(","):
        name, _, key = part.strip().partition(":")
        ids.append(name)
        if not re.fullmatch(r"[a-z0-9]{1,16}", name):
            return f"DATA_KEYS is wrong: an id is 1 to 16 small letters and digits; {hint}"
        if _decoded_length(key) != 32:
            return f"DATA_KEYS is wrong: the key of id {name} is not 32 bytes in base64; {hint}"
    return f"DATA_KEYS is wrong: an id stands there twice; {hint}" if len(set(ids)) < len(ids) else None


def _decoded_length(text: str) -> int:
    try:
        return len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return -1


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "PAGE_ID": _matching("PAGE_ID", r"\d{3,25}", "the Page's number, digits only (Page, About, Page ID)"),
    "PAGE_ACCESS_TOKEN": _text("PAGE_ACCESS_TOKEN", "the Page's token, from the app's Messenger settings"),
    "APP_SECRET": _text("APP_SECRET", "the app's secret, from the app's basic settings"),
    "VERIFY_TOKEN": _text("VERIFY_TOKEN", "any long random word; write the same one in the webhook settings"),
    "APP_ID": _matching("APP_ID", r"\d{3,25}", "the app's number, digits only, from its basic settings"),
    "SECRET_KEY": _secret_key,
    "DATA_KEYS": _data_keys,
    "DATABASE_URL": _matching(
        "DATABASE_URL", r"(sqlite:///|postgres(ql)?://).+", "write sqlite:///data/peersupport.db"
    ),
    "GRAPH_API_URL": _matching(
        "GRAPH_API_URL",
        r"https://\S+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/\S*)?",
        "write an https:// address, or leave it out for Meta's own",
    ),
    "SMTP_URL": _matching("SMTP_URL", r"smtps?://\S+", "write smtps://name:password@host:465"),
    "ALERT_WEBHOOK_URL": _matching(
        "ALERT_WEBHOOK_URL",
        r"https://\S+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/\S*)?",
        "write the https:// address of the SMS gateway or pager",
    ),
    "ALERT_WEBHOOK_SECRET": _webhook_secret,
    "PORT": _port,
}
VARIABLES = frozenset(_CHECKS) | {"SQLITE_ON_PERSISTENT_DISK"}  # all that people may set


def reader_language() -> str:
    """Of whoever sits at this terminal, as the machine is set: nb or en."""
    named = next((each for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (each := os.environ.get(name))), "")
    return "nb" if named[:2].lower() in ("nb", "nn", "no") else "en"
