"""Help outside this service: every phone number and address, from services.yaml."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from bot.settings import WEEKDAYS, Interval, Model, Words

NAME = r"^[a-z][a-z0-9_]*$"
NBSP = "\N{NO-BREAK SPACE}"
# The emergency numbers that need no sign-off before students may see them.
EXEMPT_NUMBERS = frozenset({"110", "112", "113", "116 117"})


class Service(Model):
    """One entry. `line` says in a plain sentence for whom it is, or what they do."""

    id: str = Field(pattern=NAME)
    name: Words
    number: str | None = Field(default=None, pattern=r"^[+0-9][0-9 ]*$")  # as it shall be shown
    url: str | None = Field(default=None, pattern=r"^https://\S+$")
    line: Words
    hours: Literal["always"] | dict[str, tuple[Interval, ...]]
    kind: Literal["emergency", "crisis", "health", "student", "topic"]
    verified_by: str | None
    verified_on: dt.date | None
    source_url: str = Field(pattern=r"^https?://\S+$")

    @field_validator("hours", mode="before")
    @classmethod
    def _hours(cls, value: Any) -> Any:
        if value != "always" and not isinstance(value, dict):
            raise ValueError('write hours as always, or as {monday: ["09:00-15:00"], ...}')
        for day in value if isinstance(value, dict) else ():
            if day not in WEEKDAYS:
                raise ValueError(f"{day!r} is not a weekday; write one of {', '.join(WEEKDAYS)}")
        return value

    @model_validator(mode="after")
    def _reachable(self) -> Service:
        if not self.number and not self.url:
            raise ValueError(f"{self.id!r} needs a number or a url")
        if (self.verified_by is None) != (self.verified_on is None):
            raise ValueError(f"{self.id!r}: verified_by and verified_on belong together; both or neither")
        return self

    @property
    def contact(self) -> str:
        """The number with spaces that do not break, else the address without https://."""
        if self.number:
            return self.number.replace(" ", NBSP)
        return (self.url or "").removeprefix("https://").rstrip("/")

    def is_open(self, local: dt.datetime) -> bool:
        """`local`: the time on the clock in Oslo. A night past 24:00 is two intervals in the file."""
        if not isinstance(self.hours, dict):
            return True
        clock = local.strftime("%H:%M")
        return any(each[:5] <= clock < each[6:] for each in self.hours.get(WEEKDAYS[local.weekday()], ()))


class ServiceList(Model):
    """services.yaml."""

    services: tuple[Service, ...]


class Services(Mapping[str, Service]):
    """All services by id, in the file's order."""

    def __init__(self, listed: ServiceList) -> None:
        self._by_id = {service.id: service for service in listed.services}
        self.numbers: dict[str, str] = {service.id: service.contact for service in listed.services}

    def __getitem__(self, id: str) -> Service:
        return self._by_id[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def number(self, id: str) -> str:
        """The number as shown, with no-break spaces; the address of a service without one."""
        return self._by_id[id].contact

    def line(self, id: str, language: str | None) -> str:
        """ "116 123 · Mental Helse: someone to talk to, day and night." The number first, to be tapped."""
        service = self._by_id[id]
        line = f"{service.contact} · {service.name.in_(language)}: {service.line.in_(language)}"
        if service.number and service.url:
            line += f" {service.url.removeprefix('https://').rstrip('/')}"
        return line

    def open_now(self, id: str, local: dt.datetime) -> bool:
        """Whether it answers at `local`, the time on the clock in Oslo."""
        return self._by_id[id].is_open(local)

    def named_in(self, text: str) -> tuple[str, ...]:
        """Ids of the services whose number or address stands in this text, however its spaces are set."""
        plain = re.sub(r"\s+", " ", text)
        found = []
        for service in self._by_id.values():
            digits = (service.number or "").replace(" ", "")
            spaced = r" ?".join(map(re.escape, digits))
            called = bool(digits) and re.search(rf"(?<![\d+]){spaced}(?! ?\d)", plain) is not None
            if called or (service.url is not None and _bare(service.url) in plain.casefold()):
                found.append(service.id)
        return tuple(found)

    def unverified(self) -> tuple[str, ...]:
        """Ids that nobody has signed off, save for the emergency numbers that need no sign-off."""
        return tuple(
            service.id
            for service in self._by_id.values()
            if service.verified_by is None and service.number not in EXEMPT_NUMBERS
        )


def _bare(url: str) -> str:
    return url.removeprefix("https://").removeprefix("www.").rstrip("/").casefold()
