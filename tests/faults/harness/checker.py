"""Says in sentences what is wrong when everything is over. No sentence: nothing is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations, pairwise

from harness.facts import HANDLED, Deed, Facts, Out, Person, Told

from bot.draft import FRESH
from bot.messages import Purpose
from storage.records import Entry

SENT = frozenset({"sent", "delivered", "seen"})
# Failures that Meta's bad days explain, each after as many tries as the sender owes it.
TRIES = {
    "graph_down": 3,
    "graph_unreachable": 3,
    "rate_limited": 5,
    "token_dead": 11,
    "thread_owned_elsewhere": 0,
    "not_arrived": 0,  # of unknown fate, asked about, and not said again because something was said since
}
SERIOUS = ("event_set_aside", "poison_event", "poison_message", "contact_unreadable")
NOT_WITH_A_PERSON = frozenset({Purpose.FLOW, Purpose.NOTICE, Purpose.CLOSED, Purpose.ALERTED})
LEAST_LATE = 0.99  # of the time a text is fresh; the clocks' reading differs by milliseconds


def check(facts: Facts) -> list[str]:
    """Everything that is wrong."""
    found: list[str] = []
    for number, person in enumerate(facts.people, start=1):
        told = [each for each in facts.told if each.psid == person.psid]
        for part in (_heard, _words, _answered, _alerts, _talked_over):
            found += [f"Student {number}: {sentence}" for sentence in part(person, told)]
        for look in (_order, _sent, _deeds):
            found += [f"Student {number}: {sentence}" for sentence in look(person, facts)]
        found += [f"Student {number}: {sentence}" for sentence in _handoffs(person)]
    return found + list(_service(facts))


# What they said.


def _name(told: Told) -> str:
    return f"{told.kind} {told.text!r}" if told.text else told.kind


def _heard(person: Person, told: list[Told]) -> Iterator[str]:
    """Every event that was answered with 200 was taken, once."""
    times = Counter(entry.mid for entry in person.entries if entry.written_by == "contact" and entry.mid)
    for each in told:
        if each.accepted_at is None:
            yield f"{_name(each)} was never accepted"
        elif each.kind in HANDLED and times[each.mid] == 0:
            yield f"{_name(each)} was answered with 200 and is lost"
        elif each.kind in HANDLED and times[each.mid] > 1:
            yield f"{_name(each)} was taken {times[each.mid]} times"


def _words(person: Person, told: list[Told]) -> Iterator[str]:
    """Each line says what was last said in it."""
    edits: dict[str | None, Told] = {}
    for each in sorted((t for t in told if t.kind == "edit"), key=lambda t: t.number or 0):
        edits[each.mid] = each
    withdrawn = {each.mid: each for each in told if each.kind == "withdrawn"}
    said = {each.mid: each for each in told if each.kind in HANDLED}
    for entry in person.entries:
        if entry.written_by != "contact" or entry.mid not in said:
            continue
        if entry.mid in withdrawn:
            is_shown = not entry.withdrawn or entry.text is not None
            if is_shown and not _is_too_early(withdrawn[entry.mid], tuple(told)):
                yield f"{_name(said[entry.mid])} was taken back and is still shown"
            continue
        last = edits.get(entry.mid) or said[entry.mid]
        if entry.text != last.text:
            yield f"{_name(last)} is shown as {entry.text!r}"


def _order(person: Person, facts: Facts) -> Iterator[str]:
    """What was on disk before something later came, or came with it, was taken before it."""
    place = {entry.mid: entry.id for entry in person.entries if entry.written_by == "contact"}
    heard = [each for each in facts.told if each.psid == person.psid and each.kind in HANDLED]
    heard = [each for each in heard if each.mid in place and each.accepted_at and each.key in facts.known]
    heard.sort(key=lambda each: each.sent_at)
    # By catching up a message may have come in sooner than by its webhook; by an edit, its line. What was taken
    # back before the service could read it comes by its webhook only, after those that were read. And an edit has
    # a time of its own, which is the earlier one when the clock was put back in between.
    edits = [each for each in facts.told if each.psid == person.psid and each.kind == "edit"]
    early = {each.mid: facts.caught.get(each.mid or "", 10**18) for each in heard}
    since = {each.mid: each.sent_at for each in heard}
    for edit in edits:
        if edit.mid in early:
            early[edit.mid] = min(early[edit.mid], facts.known.get(edit.key, 10**18))
            since[edit.mid] = min(since[edit.mid], edit.sent_at)
    for first, then in combinations(heard, 2):
        is_first = facts.known[first.key] < min(facts.known[then.key], early[then.mid])
        in_order = first.post == then.post or (first.accepted_at or 0.0) < then.tried_at
        swapped = first.sent_at < since[then.mid] and place[first.mid] > place[then.mid]
        if is_first and in_order and swapped:
            yield f"{_name(then)} was taken before {_name(first)}, which came earlier"


def _answered(person: Person, told: list[Told]) -> Iterator[str]:
    """Nobody is left without an answer."""
    said = [each for each in told if each.kind in HANDLED and each.accepted_at is not None]
    if said and not any(entry.written_by == "bot" for entry in person.entries):
        yield "nobody has ever answered"


# What we said.


def _sent(person: Person, facts: Facts) -> Iterator[str]:
    """Every text at least once, and at most once unless its fate was unknown; cards at most twice; in order."""
    reached = [each for each in facts.reached if each.psid == person.psid]
    times = Counter(each.outbox_id for each in reached if each.is_last)
    echoed = {
        each.outbox_id for each in facts.told if each.psid == person.psid and each.accepted_at is not None
    }
    for out in person.outs:
        yield from _fate(out, times[out.id], out.id in echoed)
    for outbox_id in sorted({each.outbox_id for each in reached} - {out.id for out in person.outs}):
        yield f"text {outbox_id} reached them and is nobody's, or somebody else's"
    cards = {out.id for out in person.outs if out.purpose == Purpose.CARD}
    order = [each.outbox_id for each in reached if each.outbox_id not in cards]
    for first, then in pairwise(order):
        if then < first:
            yield f"text {then} reached them after text {first}, which was written later"


def _fate(out: Out, times: int, echoed: bool) -> Iterator[str]:
    what = f"text {out.id} ({out.purpose})"
    most = 2 if out.purpose == Purpose.CARD else 1
    if times > most:
        yield f"{what} reached them {times} times"
    if out.state in ("waiting", "sending"):
        yield f"{what} is stuck in state {out.state}"
    elif out.state in SENT and not times:
        yield f"{what} is said to be {out.state} and never reached them"
    elif out.state == "unknown" and echoed:
        yield f"{what} is of unknown fate although its echo came"
    elif out.state in ("failed", "lapsed", "dropped") and times:
        yield f"{what} is said to have {out.state} and reached them"
    elif out.state == "failed" and out.tries < TRIES.get(out.code or "", 10**6):
        yield f"{what} failed with {out.code} after {out.tries} tries"
    elif out.state == "lapsed":
        lived = (out.state_at - out.created_at).total_seconds()
        if lived < FRESH[Purpose(out.purpose)].total_seconds() * LEAST_LATE:
            yield f"{what} was given up as too late after {lived:.0f} s"


# Danger.


def _stretches(person: Person) -> Iterator[list[Entry]]:
    """The transcript between one closing and the next."""
    found: list[Entry] = []
    for entry in person.entries:
        if entry.written_by == "system" and entry.detail == "closed":
            yield found
            found = []
        else:
            found.append(entry)
    yield found


def _alerts(person: Person, told: list[Told]) -> Iterator[str]:
    """Every danger led to a card and to one alert, which is open unless a person has closed it."""
    mids = {each.mid for each in told if each.kind in HANDLED and each.is_danger}
    edited = {each.mid for each in told if each.kind == "edit"}
    outs = {out.id: out for out in person.outs}
    stretches = list(_stretches(person))
    for number, stretch in enumerate(stretches, start=1):
        where = [entry for entry in stretch if entry.mid in mids and entry.written_by == "contact"]
        if not where:
            continue
        # If its new words were read after an outage, its first ones come later: perhaps after a closing.
        follows = person.entries if where[0].mid in edited else stretch
        later = [
            outs[entry.outbox_id] for entry in follows if entry.id > where[0].id and entry.outbox_id in outs
        ]
        cards = [out for out in later if out.purpose == Purpose.CARD]
        earlier = [
            entry for entry in stretch if entry.outbox_id in outs and outs[entry.outbox_id].purpose == "card"
        ]
        if not earlier and not cards:
            yield "wrote of danger and got no card"
        if number == len(stretches):
            yield from _open_alert(person, cards)
    dangers = [
        each for each in told if each.is_danger and each.kind in (*HANDLED, "edit") and each.accepted_at
    ]
    if dangers and not person.alarms:
        yield "wrote of danger and nobody was alerted"
    closings = sum(line.action in ("closed", "tier_lowered") for line in person.audit)
    if len(person.alarms) > closings + 1:
        yield f"there are {len(person.alarms)} alerts, and only {closings} were closed by anybody"


def _open_alert(person: Person, cards: list[Out]) -> Iterator[str]:
    is_open = [alarm for alarm in person.alarms if alarm.is_open]
    if len(is_open) != 1:
        yield f"is in danger, and {len(is_open)} alerts are open"
    conv = person.conversation
    if conv is not None and not conv.has_people:
        yield f"is in danger, and the conversation is {conv.status}"
    if cards and all(card.state in SENT for card in cards) and any(alarm.card != "sent" for alarm in is_open):
        yield f"the card went out, and the alert says {is_open[0].card}"


# People.


def _talked_over(person: Person, told: list[Told]) -> Iterator[str]:
    """While a person has the conversation the bot says nothing of its own."""
    purposes = {out.id: out.purpose for out in person.outs}
    who: str | None = None
    for entry in person.entries:
        if entry.written_by == "system" and entry.detail in ("joined", "left", "closed"):
            who = entry.who if entry.detail == "joined" else None
        elif who and entry.written_by == "bot" and purposes.get(entry.outbox_id or 0) in NOT_WITH_A_PERSON:
            yield f"the bot said text {entry.outbox_id} ({purposes[entry.outbox_id or 0]}) while {who} had the talk"


def _handoffs(person: Person) -> Iterator[str]:
    """Every hand-off once, and every move allowed where it was made."""
    conv = person.conversation
    opened = sum(line.action == "opened_handoff" for line in person.audit)
    numbered = conv.handoffs if conv else 0
    if not opened == numbered == person.handoffs:
        yield f"{opened} handoffs were opened, {numbered} counted, {person.handoffs} kept"
    closed = sum(line.action == "closed" for line in person.audit)
    if closed != person.handoffs_closed:
        yield f"{closed} handoffs were closed, and {person.handoffs_closed} have an end"
    if conv is not None and person.handoffs - closed != int(conv.has_people):
        yield f"{person.handoffs - closed} handoffs are open, and the conversation is {conv.status}"
    status, needs = "none", {"claimed": "waiting", "released": "claimed", "transferred": "claimed"}
    after = {"opened_handoff": "waiting", "claimed": "claimed", "released": "waiting", "closed": "none"}
    for line in person.audit:
        if line.action in needs and status != needs[line.action]:
            yield f"was {line.action} while {'nobody waited' if status == 'none' else status}"
        status = after.get(line.action, status)


_AUDITED = {
    **{"claim": "claimed", "release": "released", "transfer": "offered"},
    **{"accept": "transferred", "close": "closed"},
}


def _deeds(person: Person, facts: Facts) -> Iterator[str]:
    """What somebody of staff was told is done was done once; what was refused was not."""
    deeds = [deed for deed in facts.deeds if deed.contact_id == person.contact_id]
    counted: dict[tuple[str, int], list[Deed]] = defaultdict(list)
    for deed in deeds:
        if deed.what in _AUDITED:
            counted[deed.what, deed.staff_id].append(deed)
    for (what, staff_id), several in counted.items():
        done = sum(deed.outcome == "done" for deed in several)
        perhaps = sum(deed.outcome == "unknown" for deed in several)
        times = sum(line.action == _AUDITED[what] and line.by == staff_id for line in person.audit)
        if not done <= times <= done + perhaps:
            yield f"staff {staff_id} did {what} {done} times, and the audit log has it {times} times"
    texts = Counter(entry.text for entry in person.entries if entry.written_by in ("supporter", "note"))
    is_held_back = any(
        entry.detail == "held_back" for entry in person.entries
    )  # a reply stands in the draft again
    for deed in deeds:
        if is_held_back and deed.what == "reply" and texts[deed.text] == 0:
            continue
        if deed.text and deed.outcome == "done" and texts[deed.text] != 1:
            yield f"the {deed.what} {deed.text!r} stands {texts[deed.text]} times"
        elif deed.text and texts[deed.text] > (deed.outcome == "unknown" or deed.outcome == "done"):
            yield f"the {deed.what} {deed.text!r} was {deed.outcome} and stands {texts[deed.text]} times"


# The service.


def _is_too_early(told: Told, everything: tuple[Told, ...]) -> bool:
    """Taken back before the service has ever heard of the student: then nobody is remembered for it."""
    others = [each for each in everything if each.psid == told.psid and each.kind in (*HANDLED, "edit")]
    return told.kind == "withdrawn" and all(told.tried_at < (each.accepted_at or 0.0) for each in others)


def _service(facts: Facts) -> Iterator[str]:
    if facts.left:
        yield f"{facts.left} events are stuck in the inbox."
    for told in facts.told:
        if (
            told.accepted_at is not None
            and told.key not in facts.known
            and not _is_too_early(told, facts.told)
        ):
            yield f"{_name(told)} was answered with 200, and the inbox does not know it."
    for timer in facts.planted:
        if timer not in facts.fired:
            yield f"The timer {timer.name} of contact {timer.contact_id} never went off."
    for kind in facts.incidents:
        if kind in SERIOUS:
            yield f"The incident {kind} is open."
    if not facts.audit_holds:
        yield "The audit log was changed."
