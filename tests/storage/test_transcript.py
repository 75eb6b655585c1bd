"""The transcript, and how long its words live."""

from __future__ import annotations

import pytest
from storage_factories import NOW, add_contact, alert, at, bot_says, entry, only_sqlite, supporter_says, talk

from bot.conversation import Handoff, Offer, Said, Status
from bot.effects import AddEntry, EditEntry
from storage import Erased, Storage
from storage.records import Delivery, Entry


@pytest.fixture
def contact(storage: Storage) -> int:
    return add_contact(storage)


def lines(storage: Storage, contact: int, **how: int) -> list[Entry]:
    return storage.read(lambda tx: tx.transcript.entries(contact, **how))


def test_lines_come_back_as_they_were_added(storage: Storage, contact: int) -> None:
    said = AddEntry(
        written_by="contact",
        kind="attachment",
        mid="m1",
        at=at(1),
        text="se her",
        detail="image",
        reply_to="m0",
    )
    joined = AddEntry(written_by="system", kind="event", mid=None, at=at(2), detail="joined", who="Ola")
    storage.write(lambda tx: [tx.transcript.add(contact, said), tx.transcript.add(contact, joined)])
    storage.write(lambda tx: tx.transcript.add_note(contact, 7, "Kari", "ring i morgen", at(3)))
    first, second, note = lines(storage, contact)
    assert (first.at, first.written_by, first.kind, first.text) == (at(1), "contact", "attachment", "se her")
    assert (first.detail, first.mid, first.reply_to, first.delivery) == ("image", "m1", "m0", None)
    assert (second.detail, second.who, second.text, second.mid) == ("joined", "Ola", None, None)
    assert (note.written_by, note.who, note.text) == ("note", "Kari", "ring i morgen")


def test_a_limit_gives_the_newest_lines_oldest_first(storage: Storage, contact: int) -> None:
    ids = [
        storage.write(lambda tx, n=n: tx.transcript.add(contact, entry(str(n), f"m{n}"))) for n in range(5)
    ]  # type: ignore[misc]
    assert [e.id for e in lines(storage, contact, limit=2)] == ids[3:]
    assert [e.id for e in lines(storage, contact, after_id=ids[1])] == ids[2:]
    assert storage.read(lambda tx: tx.transcript.last_id(contact)) == ids[-1]
    assert storage.read(lambda tx: tx.transcript.last_id(99)) == 0


def test_an_edit_replaces_the_words_and_an_older_edit_does_not(storage: Storage, contact: int) -> None:
    storage.write(lambda tx: tx.transcript.add(contact, entry("første")))

    def edit(number: int, words: str, mid: str = "m1") -> bool:
        change = EditEntry(mid=mid, text=words, number=number, at=at(5))
        return storage.write(lambda tx: tx.transcript.edit(contact, change))

    assert edit(2, "tredje")
    assert not edit(1, "andre")
    assert not edit(1, "ukjent", "m9")
    (line,) = lines(storage, contact)
    assert (line.text, line.edits) == ("tredje", 2)


def test_a_withdrawn_message_has_no_words_left_and_takes_none(storage: Storage, contact: int) -> None:
    storage.write(lambda tx: tx.transcript.add(contact, entry("angrer")))
    assert storage.write(lambda tx: tx.transcript.withdraw(contact, "m1", at(5)))
    assert not storage.write(lambda tx: tx.transcript.withdraw(contact, "m9", at(5)))
    late = EditEntry(mid="m1", text="igjen", number=1, at=at(6))
    assert not storage.write(lambda tx: tx.transcript.edit(contact, late))
    storage.write(lambda tx: tx.transcript.react(contact, "m1", "love", True))
    (line,) = lines(storage, contact)
    assert (line.text, line.withdrawn, line.reactions, line.detail) == (None, True, (), None)
    assert storage.read(lambda tx: tx.all("SELECT body FROM entry")) == [{"body": None}]


def test_a_contact_has_one_reaction_per_message(storage: Storage, contact: int) -> None:
    storage.write(lambda tx: tx.transcript.add(contact, entry()))

    def react(reaction: str, added: bool) -> tuple[str, ...]:
        storage.write(lambda tx: tx.transcript.react(contact, "m1", reaction, added))
        return lines(storage, contact)[0].reactions

    assert react("love", True) == ("love",)
    assert react("sad", True) == ("sad",)
    assert react("love", False) == ("sad",)
    assert react("sad", False) == ()
    storage.write(lambda tx: tx.transcript.react(contact, "unknown", "sad", True))


def test_a_mid_is_ours_only_if_we_sent_it_to_this_contact(storage: Storage, contact: int) -> None:
    other = add_contact(storage, "1002")
    storage.write(lambda tx: tx.transcript.add(contact, entry(mid="theirs")))
    outbox_id = storage.write(lambda tx: tx.outbox.add(contact, bot_says(), NOW))
    storage.write(lambda tx: tx.outbox.sent({outbox_id: "ours"}, at(1)))
    known = [(who, mid) for who in (contact, other) for mid in ("ours", "theirs", "unknown")]
    assert [pair for pair in known if storage.read(lambda tx, p=pair: tx.transcript.knows(*p))] == [  # type: ignore[misc]
        (contact, "ours")
    ]


def test_what_was_sent_is_delivered_and_then_seen_up_to_the_watermark(storage: Storage, contact: int) -> None:
    for seconds in (1, 5, 9):
        storage.write(lambda tx: tx.outbox.add(contact, supporter_says(), NOW))
        taken = storage.write(lambda tx, s=seconds: next(iter(tx.outbox.claim(at(s), "w", 1)), None))  # type: ignore[misc]
        assert taken is not None
        storage.write(lambda tx, t=taken.id, s=seconds: tx.outbox.sent({t: f"o{s}"}, at(s + 1)))  # type: ignore[misc]

    def fates() -> list[Delivery | None]:
        return [line.delivery for line in lines(storage, contact)]

    storage.write(lambda tx: tx.transcript.delivered(contact, at(5)))
    assert fates() == [Delivery.DELIVERED, Delivery.DELIVERED, Delivery.SENT]
    storage.write(lambda tx: tx.transcript.read(contact, at(4)))
    assert fates() == [Delivery.SEEN, Delivery.DELIVERED, Delivery.SENT]
    storage.write(lambda tx: tx.transcript.delivered(contact, at(20)))
    assert fates() == [Delivery.SEEN, Delivery.DELIVERED, Delivery.DELIVERED]
    assert lines(storage, contact)[0].delivery_at == at(4)


def test_unread_counts_what_the_contact_wrote_since_the_claiming_supporter_looked(
    storage: Storage, contact: int
) -> None:
    handoff = Handoff(number=1, opened_at=NOW, claimed_by=7)
    storage.write(
        lambda tx: tx.conversations.save(talk(contact, status=Status.CLAIMED, handoff=handoff), NOW)
    )
    ids = [storage.write(lambda tx, n=n: tx.transcript.add(contact, entry(mid=f"m{n}"))) for n in range(3)]  # type: ignore[misc]
    storage.write(lambda tx: tx.outbox.add(contact, bot_says(), NOW))

    def unread() -> int:
        return storage.read(lambda tx: tx.handoffs.mine(7))[0].unread

    assert unread() == 3
    storage.write(lambda tx: tx.transcript.mark_opened(contact, 8, ids[2], NOW))
    assert unread() == 3
    storage.write(lambda tx: tx.transcript.mark_opened(contact, 7, ids[1], NOW))
    assert unread() == 1
    storage.write(lambda tx: tx.transcript.mark_opened(contact, 7, ids[2], NOW))
    assert unread() == 0


def closed_talk(storage: Storage, contact: int, seconds: float) -> None:
    storage.write(
        lambda tx: tx.conversations.save(
            talk(
                contact,
                status=Status.CLOSED,
                closed_at=at(seconds),
                answers={"about": "words"},
                recent=(Said(at=at(0), mid="m1", text="words"),),
                handoff=Handoff(
                    number=1, opened_at=NOW, offer=Offer(to=2, alias="Jonas", at=NOW, note="words")
                ),
            ),
            at(seconds),
        )
    )


def test_words_of_a_closed_conversation_are_forgotten_after_their_time(
    storage: Storage, contact: int
) -> None:
    storage.write(lambda tx: tx.transcript.add(contact, entry()))
    storage.write(lambda tx: tx.transcript.add_note(contact, 7, "Kari", "notat", at(1)))
    outbox_id = storage.write(lambda tx: tx.outbox.add(contact, supporter_says(), at(1)))
    storage.write(lambda tx: tx.outbox.failed(outbox_id, "unreachable", at(2)))
    storage.write(lambda tx: tx.drafts.save(contact, 7, "utkast", at(3)))
    storage.write(lambda tx: tx.alerts.raise_(contact, alert()))
    storage.write(lambda tx: tx.alerts.close(contact, 7, at(4)))
    closed_talk(storage, contact, 10)
    assert storage.write(lambda tx: tx.transcript.forget_text(at(10), at(0))) == 0
    assert storage.write(lambda tx: tx.transcript.forget_text(at(11), at(0))) == 3
    assert [line.text for line in lines(storage, contact)] == [None] * 3
    assert lines(storage, contact)[1].who == "Kari"
    conversation = storage.read(lambda tx: tx.conversations.peek(contact))
    assert conversation is not None
    assert (conversation.recent, conversation.answers, conversation.status) == ((), {}, Status.CLOSED)
    assert conversation.handoff is not None
    assert conversation.handoff.offer is None
    assert storage.read(lambda tx: tx.drafts.get(contact, 7)) is None
    assert storage.read(lambda tx: tx.all("SELECT body FROM outbox")) == [{"body": None}]
    closed = storage.read(lambda tx: tx.alerts.get(1))
    assert closed is not None
    assert closed.matched == ()
    assert storage.write(lambda tx: tx.transcript.forget_text(at(99), at(0))) == 0


def test_old_words_of_an_open_conversation_are_forgotten_and_newer_ones_stay(
    storage: Storage, contact: int
) -> None:
    recent = (Said(at=at(0), mid="m1", text="gammel"), Said(at=at(50), mid="m2", text="ny"))
    storage.write(lambda tx: tx.conversations.save(talk(contact, recent=recent), NOW))
    for mid, seconds in (("m1", 0), ("m2", 50)):
        line = entry(mid, mid, seconds=seconds)
        storage.write(lambda tx, line=line: tx.transcript.add(contact, line))  # type: ignore[misc]
    assert storage.write(lambda tx: tx.transcript.forget_text(at(0), at(20))) == 1
    assert [line.text for line in lines(storage, contact)] == [None, "m2"]
    conversation = storage.read(lambda tx: tx.conversations.peek(contact))
    assert conversation is not None
    assert conversation.recent == recent[1:]


def test_words_that_nobody_opened_wait_longer_if_asked_to(storage: Storage, contact: int) -> None:
    first = storage.write(lambda tx: tx.transcript.add(contact, entry("sett", "m1", seconds=1)))
    storage.write(lambda tx: tx.transcript.add(contact, entry("usett", "m2", seconds=2)))
    storage.write(lambda tx: tx.transcript.mark_opened(contact, 7, first, at(3)))
    closed_talk(storage, contact, 10)
    assert storage.write(lambda tx: tx.transcript.forget_text(at(11), at(11), at(0))) == 1
    assert [line.text for line in lines(storage, contact)] == [None, "usett"]
    assert storage.write(lambda tx: tx.transcript.forget_text(at(11), at(11), at(3))) == 1
    assert [line.text for line in lines(storage, contact)] == [None, None]


def test_a_message_that_is_still_to_be_sent_keeps_its_words(storage: Storage, contact: int) -> None:
    outbox_id = storage.write(lambda tx: tx.outbox.add(contact, bot_says("ha det"), NOW))
    closed_talk(storage, contact, 1)
    storage.write(lambda tx: tx.transcript.forget_text(at(9), at(9)))
    taken = storage.write(lambda tx: next(iter(tx.outbox.claim(at(9), "w", 1)), None))
    assert taken is not None
    assert (taken.id, taken.message.text) == (outbox_id, "ha det")


def test_a_conversation_that_opens_again_is_forgotten_again_when_it_closes(
    storage: Storage, contact: int
) -> None:
    closed_talk(storage, contact, 1)
    storage.write(lambda tx: tx.transcript.forget_text(at(9), at(0)))
    storage.write(lambda tx: tx.transcript.add(contact, entry("igjen", seconds=10)))
    closed_talk(storage, contact, 20)
    assert storage.write(lambda tx: tx.transcript.forget_text(at(30), at(0))) == 1


def test_nothing_can_be_added_for_an_erased_contact(storage: Storage, contact: int) -> None:
    storage.write(lambda tx: tx.contacts.erase(contact, "code", NOW))
    with pytest.raises(Erased):
        storage.write(lambda tx: tx.transcript.add(contact, entry()))
    assert lines(storage, contact) == []


@only_sqlite
def test_the_queue_never_looks_into_transcripts(storage: Storage) -> None:
    from storage import handoffs

    plan = storage.read(
        lambda tx: tx.all(
            "EXPLAIN QUERY PLAN " + handoffs._COLUMNS + "conversation.status = 'waiting'" + handoffs._ORDER
        )
    )
    details = " ".join(step["detail"] for step in plan)
    assert "entry" not in details.replace("entry_id", "")
    assert "conversation_waiting" in details


def test_one_contacts_words_can_be_destroyed_at_once_and_nobody_elses(storage: Storage, contact: int) -> None:
    other = add_contact(storage, "1002")
    storage.write(lambda tx: [tx.transcript.add(who, entry()) for who in (contact, other)])
    assert storage.write(lambda tx: tx.retention.forget_contact(contact)) == 1
    assert [lines(storage, who)[0].text for who in (contact, other)] == [None, "hei"]
