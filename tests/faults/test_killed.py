"""kill -9 of the worker and of the web process in mid-load: nothing lost, nothing handled twice, order kept."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
from processes import Processes, poster, stand_in, wait_for

from handlers.simulator.standalone import standing_graph

STUDENTS, WORDS = 6, 6


@pytest.mark.parametrize("seed", [20261125, 7])
def test_killed_processes_lose_nothing_and_take_nothing_twice(tmp_path, seed):
    chance = random.Random(seed)
    graph = stand_in()
    graph.fail("slow", milliseconds=40)  # so that sends are under way when the worker dies
    with standing_graph(graph) as standing:
        service = Processes(tmp_path, standing.url)
        mail = poster(service.port)
        graph.attach(mail)
        storage = service.open()
        try:
            service.start("web")
            service.start("worker")
            said = write_and_kill(graph, service, chance)
            assert mail.wait_until_idle(60), "every webhook is accepted in the end"
            assert wait_for(lambda: at_rest(storage), storage), "the backlog empties"
            check(storage, graph, said)
        finally:
            mail.close()
            storage.close()
            service.stop()


def write_and_kill(graph, service, chance):
    """Students write; in between a process dies, at a moment that the seed chooses, and comes back."""
    students = [graph.new_student() for _ in range(STUDENTS)]
    plan = [(student, n) for n in range(WORDS) for student in students]
    deaths = {chance.randrange(4, len(plan)): name for name in ("worker", "web", "worker")}
    said = defaultdict(list)
    for number, (student, n) in enumerate(plan):
        if number in deaths:
            graph.wait_for_change(graph.version, chance.uniform(0, 0.3))
            service.kill(deaths[number])
            service.start(deaths[number])
        text = f"ord {n} fra {student}"
        graph.write(student, text)
        said[student].append(text)
    return said


def at_rest(storage):
    def look(tx):
        return (
            tx.inbox.pending_count() == 0
            and tx.outbox.waiting_count() == 0
            and not tx.all(
                "SELECT id FROM outbox WHERE state = 'sending' OR (state = 'unknown' AND settled = 0)"
            )
        )

    return storage.read(look)


def check(storage, graph, said):
    sent = Counter(d.metadata for d in graph.deliveries)
    assert all(count == 1 for count in sent.values()), "a text that is no card is never sent twice"
    for student, texts in said.items():
        contact_id = storage.read(lambda tx, s=student: tx.contacts.find(s))
        entries = storage.read(lambda tx, c=contact_id: tx.transcript.entries(c))
        kept = [e.text for e in entries if e.written_by == "contact"]
        assert kept == texts, "each message once, in order"
        assert any(d.psid == student for d in graph.deliveries), "nobody is left without an answer"
    rows = storage.read(lambda tx: tx.all("SELECT COUNT(*) AS n FROM conversation"))
    assert rows[0]["n"] == len(said)
