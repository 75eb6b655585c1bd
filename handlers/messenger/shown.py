"""What a supporter reads when a message was not taken, by error code. Anything else reads `refused`."""

from __future__ import annotations

SHOWN: dict[str, dict[str, str]] = {
    "window_closed": {
        "nb": "Fristen for å svare er ute. Du kan skrive igjen når studenten har skrevet.",
        "en": "The time to answer is over. You can write again once the student has written.",
    },
    "window_or_blocked": {
        "nb": "Messenger tar ikke imot. Enten er fristen ute, eller så har studenten sperret siden.",
        "en": "Messenger does not accept it. Either the time is over, or the student has blocked the Page.",
    },
    "unreachable": {
        "nb": "Studenten kan ikke nås på Messenger nå. Kontoen kan være sperret for oss eller stengt.",
        "en": "The student cannot be reached on Messenger now. We may be blocked, or the account closed.",
    },
    "thread_owned_elsewhere": {
        "nb": "Samtalen føres i Metas innboks nå. Svar der, eller ta den tilbake.",
        "en": "The conversation is in Meta's inbox now. Answer there, or take it back.",
    },
    "question_flow": {
        "nb": "Messenger stiller studenten spørsmål selv akkurat nå. Vi prøver igjen om litt.",
        "en": "Messenger itself is asking the student questions right now. We will try again shortly.",
    },
    "message_deleted": {
        "nb": "Meldingen det svares på, er slettet.",
        "en": "The message this answers has been deleted.",
    },
    "bad_request": {
        "nb": "Messenger kunne ikke bruke meldingen slik den er. Skriv den om, og si fra til koordinator.",
        "en": "Messenger could not use the message as it is. Reword it, and tell the coordinator.",
    },
    "token_dead": {
        "nb": "Siden har mistet tilgangen til Messenger. Ingenting kan sendes før den er fornyet. Si fra.",
        "en": "The Page has lost its access to Messenger. Nothing can be sent until then. Tell someone.",
    },
    "page_restricted": {
        "nb": "Meta har sperret siden for å sende nå. Si fra straks.",
        "en": "Meta has restricted the Page from sending now. Tell someone at once.",
    },
    "permission_missing": {
        "nb": "Siden mangler en tillatelse hos Meta. Ingenting kan sendes før den er gitt. Si fra straks.",
        "en": "The Page lacks a permission at Meta. Nothing can be sent until it is granted. Tell someone.",
    },
    "wrong_page": {
        "nb": "Nøkkelen hører til en annen side. Ingenting kan sendes. Si fra straks.",
        "en": "The access token belongs to another Page. Nothing can be sent. Tell someone at once.",
    },
    "rate_limited": {
        "nb": "Meta ber oss vente. Meldingen sendes når ventetiden er over.",
        "en": "Meta asks us to wait. The message will be sent when the wait is over.",
    },
    "graph_down": {
        "nb": "Messenger har en feil hos seg. Vi prøver igjen.",
        "en": "Messenger has a fault on its side. We will try again.",
    },
    "graph_unreachable": {
        "nb": "Vi får ikke kontakt med Messenger. Vi prøver igjen.",
        "en": "We cannot reach Messenger. We will try again.",
    },
    "no_answer": {
        "nb": "Messenger svarte ikke. Meldingen kan ha kommet fram.",
        "en": "Messenger did not answer. The message may have arrived.",
    },
    "partly_sent": {
        "nb": "Bare første del av meldingen kom fram. Se i samtalen, og send resten på nytt.",
        "en": "Only the first part of the message went out. Look at the conversation and send the rest again.",
    },
    "refused": {
        "nb": "Messenger tok ikke imot meldingen.",
        "en": "Messenger did not accept the message.",
    },
}

SHOWN["not_found"] = SHOWN["unreachable"]
