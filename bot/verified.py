"""How long ago somebody called each service: old entries are flagged, older ones keep new sets from being published.

A set that is in use goes on being used, whatever its age.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from bot.content import SERVICES
from bot.services import EXEMPT_NUMBERS, ServiceList
from bot.yaml_text import Problem, read_yaml, validate

FLAG_DAYS, STOP_DAYS = 150, 180


def aged(files: Mapping[str, str], today: dt.date, *, days: int = FLAG_DAYS) -> list[Problem]:
    """Services whose last verification is at least `days` old; the emergency numbers need none.

    `today` on the service's own calendar. Nobody's signature at all is for `Services.unverified`.
    """
    located = read_yaml(files[SERVICES], SERVICES)
    listed = validate(ServiceList, located)
    if not isinstance(listed, ServiceList):
        return []
    found = []
    for number, service in enumerate(listed.services):
        age = (today - service.verified_on).days if service.verified_on else 0
        if age >= days and service.number not in EXEMPT_NUMBERS:
            said = f"{service.id!r} was verified {age} days ago; call again, and write the new verified_on"
            found.append(located.problem(said, "services", number, "verified_on"))
    return found
