"""How a conversation ended, as the supporter who closes it says. The codes are kept and counted."""

from __future__ import annotations

from bot.settings import Words

OUTCOMES: dict[str, Words] = {
    "listened": Words(nb="Vi snakket, det var nok", en="We talked, that was enough"),
    "information": Words(nb="Fikk informasjon", en="Got information"),
    "signposted": Words(nb="Vist videre til en tjeneste", en="Pointed to a service"),
    "warm_handover": Words(nb="Fulgt over til en tjeneste", en="Accompanied to a service"),
    "emergency_by_student": Words(
        nb="Studenten ringte nødhjelp selv", en="The student called for emergency help"
    ),
    "emergency_by_us": Words(nb="Vi ringte nødhjelp", en="We called for emergency help"),
    "meeting_agreed": Words(nb="Avtalte å møtes", en="Agreed to meet"),
    "left_before": Words(nb="Studenten gikk før noen svarte", en="The student left before anybody answered"),
    "left_during": Words(nb="Studenten sluttet å svare", en="The student stopped answering"),
    "not_in_group": Words(nb="Ikke for oss", en="Not for us"),
    "abuse": Words(nb="Trakassering", en="Harassment"),
    "test": Words(nb="Prøve eller øvelse", en="Test or drill"),
}
