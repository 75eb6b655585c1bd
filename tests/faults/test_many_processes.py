"""Two web and two worker processes on one PostgreSQL, one of them killed: nothing lost, nothing twice, in order."""

from __future__ import annotations

from collections import defaultdict

import pytest
from patience import PATIENCE
from processes import Processes, poster, stand_in, wait_for
from test_killed import at_rest, check_heard, check_sent, count, write

from handlers.clock import real
from handlers.simulator.standalone import standing_graph

STUDENTS, WORDS = 8, 5
WEBS, WORKERS = ("web-1", "web-2"), ("worker-1", "worker-2")


class Twins:
    """Delivers everything to two addresses at once, so that each event comes to both web processes."""

    synchronous = False

    def __init__(self, *posters):
        self._posters = posters

    def put(self, happenings):
        for one in self._posters:
            one.put(happenings)

    @property
    def waiting(self):
        return sum(one.waiting for one in self._posters)

    def wait_until_idle(self, seconds):
        return all([one.wait_until_idle(seconds) for one in self._posters])

    def close(self):
        for one in self._posters:
            one.close()


@pytest.fixture
def world(cluster, tmp_path):
    """Meta's stand-in, four processes, and the store as this process sees it."""
    graph = stand_in()
    graph.fail("slow", milliseconds=60)  # so that sends are under way when somebody dies
    with standing_graph(graph) as standing, cluster.database() as url:
        service = Processes(tmp_path, standing.url, url)
        mail = Twins(*(poster(service.port_of(web)) for web in WEBS))
        graph.attach(mail)
        storage = service.open()
        try:
            for name in (*WORKERS, *WEBS):
                service.start(name)
            yield graph, service, mail, storage
        finally:
            mail.close()
            storage.close()
            service.stop()


def test_two_webs_and_two_workers_do_the_work_of_one(world):
    graph, service, mail, storage = world
    said = defaultdict(list)
    students = [graph.new_student() for _ in range(STUDENTS)]
    for n in range(WORDS):
        for number, student in enumerate(students):
            write(graph, student, f"ord {n} fra {student}", said)
            if (n, number) == (2, 3):
                assert wait_for(lambda: count(storage, "outbox", "state = 'sending'") > 0, storage)
                service.kill("worker-1")  # the other one reads what it had begun to send
    assert mail.wait_until_idle(PATIENCE), "every webhook is accepted in the end"
    assert wait_for(lambda: at_rest(mail, storage), storage), "the backlog empties"
    check_heard(storage, said)
    check_sent(storage, graph, said)
    check_timers(service, storage, said)


def check_timers(service, storage, said):
    """Both workers see the same timers come due; each goes off once."""
    service.start("worker-1")
    storage.write(lambda tx: tx.run("DELETE FROM timer"))  # no other comes due meanwhile
    before = storage.read(lambda tx: tx.counters.all()).get("event_timer", 0)
    contacts = [storage.read(lambda tx, s=student: tx.contacts.find(s)) for student in said]
    now = real()
    names = [f"test-{n}" for n in range(5)]
    storage.write(lambda tx: [tx.timers.set(contact, name, now) for contact in contacts for name in names])
    assert wait_for(lambda: count(storage, "timer", "name LIKE 'test-%'") == 0, storage)
    after = storage.read(lambda tx: tx.counters.all())["event_timer"]
    assert after - before == len(contacts) * len(names)
