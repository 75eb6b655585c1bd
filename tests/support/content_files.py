"""Small, correct content for tests to break in one place each."""

from __future__ import annotations

import json
from typing import Any

from bot.cards import CARDS
from bot.texts import REQUIRED

CONFIG = """
page: {name: Test Page, privacy_url: "https://example.org/privacy", contact_email: post@example.org}
service_hours:
  weekly: {monday: ["09:00-20:00"], friday: ["09:00-15:00"]}
danger: {model: off}
"""

SERVICES = """
services:
  - id: amk
    name: {nb: AMK, en: Ambulance}
    number: "113"
    line: {nb: fare for liv., en: danger to life.}
    hours: always
    kind: emergency
    verified_by: null
    verified_on: null
    source_url: https://example.org/113
  - id: mental_helse
    name: {nb: Mental Helse, en: Mental Helse}
    number: "116 123"
    url: https://www.example.org/
    line: {nb: noen å snakke med., en: someone to talk to.}
    hours: always
    kind: crisis
    verified_by: A coordinator
    verified_on: 2026-11-22
    source_url: https://example.org/116123
  - id: chat
    name: {nb: Chatten, en: The chat}
    url: https://chat.example.org
    line: {nb: skriv med noen., en: write with someone.}
    hours: {monday: ["18:00-24:00"], tuesday: ["00:00-02:00"]}
    kind: student
    verified_by: null
    verified_on: null
    source_url: https://example.org/chat
"""

_CARD_SERVICE = """  - id: {id}
    name: {{nb: N, en: N}}
    url: https://{id}.example.org
    line: {{nb: hjelp., en: help.}}
    hours: always
    kind: crisis
    verified_by: A coordinator
    verified_on: 2026-11-22
    source_url: https://example.org
"""
_NAMED = [id for card in CARDS for id in (card.lead, *card.then) if id not in ("amk", "mental_helse")]
# What the cards need besides.
SERVICES += "".join(_CARD_SERVICE.format(id=id) for id in dict.fromkeys(_NAMED))

RISK = """
version: 3
words:
  i: [jeg, eg, i, im]
rules:
  - id: B-take-life
    category: B-suicidal
    tier: high
    nb: ["ta|tar ... livet mitt", "vil (bare) dø", "selvmord~", "drepe meg selv"]
    en: ["kill myself", "suicid*", "don't want to live"]
    except: ["vil (bare) dø av skam|latter"]
    hits: ["Jeg vil ta livet mitt", "i want to kill myself"]
    misses: ["vil bare dø av latter"]
  - id: C-no-more
    category: C-passive
    tier: elevated
    nb: ["orker* ikke mer", "vil ikke leve"]
    en: ["no way out"]
    hits: ["orker ikke mer"]
  - id: C-burden
    category: C-passive
    tier: elevated
    nb: ["til byrde"]
    hits: ["er bare til byrde"]
  - id: A-goodbye
    category: A-attempt
    tier: critical
    nb: ["ha det"]
    with: [B, C]
    hits: ["ha det, orker ikke mer"]
    misses: ["ha det, sees i morgen"]
shifts:
  - {id: joke, by: -1, categories: [A, B, C], floor: elevated, nb: [lol, "😂", eksamen]}
  - {id: denial, by: -1, scope: before, nb: [ikke], en: [not, never]}
  - {id: topic, by: -3, nb: ["oppgave*"], unless: ["<i>"]}
  - {id: tonight, by: 1, categories: [B], nb: ["i kveld"], en: [tonight]}
together:
  - {id: C-twice, of: [C], count: 2, category: C-passive, tier: high}
never: ["Hei, hva er fristen?"]
"""

WELCOME = """
flow: welcome
start: hello
steps:
  hello:
    say: {nb: "Hei fra {page_name}, vi svarer {hours}.", en: "Hi from {page_name}, we answer {hours}."}
    goto: language
  language:
    say: {nb: "Norsk eller engelsk?", en: "Norwegian or English?"}
    choices:
      - {id: nb, nb: Norsk, en: Norsk, goto: ask}
      - {id: en, nb: English, en: English, goto: ask}
    save: language
  ask:
    call: intake
    goto: people
"""

INTAKE = """
flow: intake
start: topic
steps:
  topic:
    say: {nb: "Hva vil du snakke om?", en: "What is it about?"}
    choices:
      - {id: emotional, nb: "Hvordan jeg har det", en: "How I feel", goto: words}
      - {id: practical, nb: "Noe praktisk", en: "Something practical", goto: numbers, set: {for_whom: me}}
      - {id: loss, nb: "Sorg på gården", en: "Grief", goto: words}
    save: topic
    otherwise: {say: {nb: "Velg en knapp.", en: "Choose a button."}, tries: 2}
    after: {minutes: 60, goto: end}
  words:
    say: {nb: "Fortell gjerne litt.", en: "Tell us a little."}
    write: about
    optional: true
    goto: route
  route:
    when:
      - {if: {open: true, topic: [emotional, loss]}, goto: back}
      - {if: {language: en}, goto: end}
    goto: menu
  numbers:
    say: {nb: "Ring {mental_helse}:", en: "Call {mental_helse}:"}
    services: [amk, mental_helse]
    goto: route
"""

MENU = """
flow: menu
start: choose
steps:
  choose:
    say: {nb: "Hva trenger du?", en: "What do you need?"}
    choices:
      - {id: talk, nb: "Prate", en: "Talk", goto: people}
      - {id: remove, nb: "Slett", en: "Delete", goto: erase}
      - {id: more, nb: "Mer", en: "More", goto: more}
  more:
    call: intake
    goto: people
"""


def texts() -> str:
    """A text for every key that there must be, using every field it may use."""
    tree: dict[str, Any] = {}
    for key, fields in REQUIRED.items():
        words = key.split(".")[-1].replace("_button", "")[:12] + "".join(
            f" {{{name}}}" for name in sorted(fields)
        )
        place = tree
        *sections, last = key.split(".")
        for section in sections:
            place = place.setdefault(section, {})
        if key == "card.neutral":
            words = "x" * 60
        place[last] = {"nb": f"nb {words}", "en": f"en {words}"}
    return json.dumps(tree, indent=2)


def files(**changed: str) -> dict[str, str]:
    """The correct files; `intake="..."` replaces or adds flows/intake.yaml, `config` config.yaml."""
    correct = {
        "config.yaml": CONFIG,
        "flows/texts.yaml": texts(),
        "flows/services.yaml": SERVICES,
        "flows/risk_phrases.yaml": RISK,
        "flows/welcome.yaml": WELCOME,
        "flows/intake.yaml": INTAKE,
        "flows/menu.yaml": MENU,
    }
    new = {
        "config.yaml" if name == "config" else f"flows/{name}.yaml": text for name, text in changed.items()
    }
    return correct | new
