"""kill -9 of the worker and of the web process in mid-load: nothing lost, nothing handled twice, order kept, and
every text that was written reaches its student, also what was claimed or on its way at the kill.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict

import pytest
from patience import PATIENCE
from processes import Processes, poster, stand_in, wait_for

from handlers.simulator.standalone import standing_graph

STUDENTS, WORDS = 8, 6
COPIES = 2  # Meta delivers each POST twice


@pytest.fixture
def world(tmp_path):
    """Meta's stand-in, web and worker as processes, and the store as this process sees it."""
    graph = stand_in()
    graph.fail("slow", milliseconds=60)  # so that sends are under way when somebody dies
    with standing_graph(graph) as standing:
        service = Processes(tmp_path, standing.url)
        mail = poster(service.port, copies=COPIES)
        graph.attach(mail)
        storage = service.open()
        try:
            service.start("worker")
            service.start("web")
            yield graph, service, mail, storage
        finally:
            mail.close()
            storage.close()
            service.stop()


@pytest.mark.parametrize("seed", [7])
def test_killed_processes_lose_nothing_and_take_nothing_twice(world, seed):
    graph, service, mail, storage = world
    said = write_and_kill(graph, service, mail, random.Random(seed))
    assert mail.wait_until_idle(PATIENCE), "every webhook is accepted in the end"
    assert wait_for(lambda: at_rest(mail, storage), storage), "the backlog empties"
    check_heard(storage, said)
    check_sent(storage, graph, said)


def test_worker_told_to_stop_finishes_what_is_in_flight_and_the_next_one_goes_on(world):
    graph, service, mail, storage = world
    said = defaultdict(list)
    students = [graph.new_student() for _ in range(STUDENTS)]
    for n in range(4):
        for student in students:
            write(graph, student, f"ord {n} fra {student}", said)
        if n == 1:
            assert wait_for(lambda: count(storage, "outbox", "state = 'sending'") > 0, storage)
            assert service.terminate("worker") == 0
            assert count(storage, "outbox", "state = 'sending'") == 0, "what was in flight has come home"
            assert count(storage, "outbox", "state = 'unknown'") == 0
            service.start("worker")
    assert mail.wait_until_idle(PATIENCE)
    assert wait_for(lambda: at_rest(mail, storage), storage)
    check_heard(storage, said)
    check_sent(storage, graph, said)


def write_and_kill(graph, service, mail, chance):
    """Students write; in between a process dies, at a moment that the seed chooses, and comes back."""
    students = [graph.new_student() for _ in range(STUDENTS)]
    plan = [(student, n) for n in range(WORDS) for student in students]
    at = sorted(chance.sample(range(4, len(plan) - 4), 4))
    deaths = dict(zip(at, chance.sample(["worker", "web", "worker", "web"], 4), strict=True))
    together = chance.randrange(3, 9)
    said = defaultdict(list)
    for number, (student, n) in enumerate(plan):
        if number == len(plan) // 2:
            mail.hold()  # an outage of Meta's: what comes after it comes in one POST
        if number == len(plan) // 2 + together:
            mail.release(batch=together)
        if number in deaths:
            graph.wait_for_change(graph.version, chance.uniform(0, 0.3))
            service.kill(deaths[number])
            service.start(deaths[number])
        write(graph, student, f"ord {n} fra {student}", said)
    return said


def write(graph, student, text, said):
    graph.write(student, text)
    said[student].append(text)


def count(storage, table, condition="1 = 1"):
    rows = storage.read(lambda tx: tx.all(f"SELECT COUNT(*) AS n FROM {table} WHERE {condition}"))  # noqa: S608
    return rows[0]["n"]


def at_rest(mail, storage):
    """Nothing is under way. Once no echo can come any more, the wait for those of unknown fate is over."""
    if mail.waiting or storage.posts.figures().waiting or count(storage, "inbox", "state = 'new'"):
        return False
    lost = "state = 'unknown' AND settled = 0"
    if count(storage, "outbox", lost):
        storage.write(lambda tx: tx.run(f"UPDATE outbox SET state_at = state_at - 20000 WHERE {lost}"))  # noqa: S608
        return False
    return count(storage, "outbox", "state IN ('waiting', 'sending')") == 0


def check_heard(storage, said):
    """Every word was taken once, in the student's order, into one conversation each."""
    for student, texts in said.items():
        contact_id = storage.read(lambda tx, s=student: tx.contacts.find(s))
        entries = storage.read(lambda tx, c=contact_id: tx.transcript.entries(c))
        assert [e.text for e in entries if e.written_by == "contact"] == texts
    counted = storage.read(lambda tx: tx.counters.all())
    words = sum(map(len, said.values()))
    # A worker that starts in another two minutes than the one before also asks Meta what it missed.
    assert counted["event_text"] - counted.get("caught_up", 0) == words
    assert counted["duplicate_events"] >= words, "each came twice"
    assert count(storage, "conversation") == len(said)
    assert count(storage, "inbox", "state <> 'done'") == 0
    assert count(storage, "incident") == 0


def check_sent(storage, graph, said):
    """Every text reached its student once and in order, unless it was taken back before anybody began to send it."""
    reached = defaultdict(list)
    for delivery in graph.deliveries:
        reached[delivery.psid].append(int(re.fullmatch(r"ps:(\d+)(:more)?", delivery.metadata)[1]))
    rows = storage.read(lambda tx: tx.all("SELECT id, contact_id, state FROM outbox ORDER BY id"))
    sent = {row["id"] for row in rows if row["state"] in ("sent", "delivered", "seen")}
    given_up = {row["id"] for row in rows if row["state"] in ("dropped", "lapsed")}
    assert {row["id"] for row in rows} == sent | given_up, "nothing failed, nothing is left"
    times = Counter(number for numbers in reached.values() for number in numbers)
    assert set(times) == sent and all(n == 1 for n in times.values()), "a text that is no card goes once"
    for student in said:
        assert reached[student], "nobody is left without an answer"
        assert reached[student] == sorted(reached[student]), "in the order in which they were said"
