"""What happens in one schedule, and when: made from one number, printed so that people can read it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Store = Literal["sqlite", "postgresql"]

WEBS: dict[Store, tuple[str, ...]] = {"sqlite": ("web",), "postgresql": ("web-1", "web-2")}
WORKERS: dict[Store, tuple[str, ...]] = {"sqlite": ("worker",), "postgresql": ("worker-1", "worker-2")}
STAFF = 3
MOST_BACK_SECONDS = 300  # of one trouble with the clock; a schedule has two at most

# Local time in Oslo. Mostly open; also closed, and minutes before the evening's end.
STARTS = ("wednesday 12:00", "thursday 10:30", "tuesday 15:00", "sunday 14:00", "wednesday 19:57")
WORDS = (
    "hei", "er dere der", "jeg har hatt en rar uke", "det er litt mye på skolen nå", "I am new in Oslo", "takk",
    "kan jeg spørre om noe", "ja", "nei", "vet ikke",
)  # fmt: skip
DANGER = ("jeg vil ta livet mitt", "I want to die", "jeg har tatt en overdose", "jeg vil ikke leve lenger")
COMMANDS = ("prate", "prate", "prate", "HJELP", "stopp", "PAUSE", "meny", "English", "norsk")
GRAPH = ("slow", "429", "500", "html_502", "timeout_after_accepting", "dead_token")

FAULTS = frozenset(
    {
        *("is killed", "is stopped", "is asked to end", "has a full disk"),
        *("is locked", "is away", "drops connections", "takes no writes"),
        *("turns", "jumps", "comes batched", "comes shuffled", "comes again"),
    }
)

ACTS = (  # what a student does, and how often
    ("says", 10), ("taps", 8), ("commands", 5), ("danger", 3), ("likes", 1), ("pictures", 1), ("edits", 2),
    ("edits into danger", 1), ("takes back", 1), ("reacts", 1), ("reads", 2), ("starts", 1),
)  # fmt: skip
DEEDS = (
    ("claims", 6), ("replies", 6), ("closes", 2), ("releases", 1), ("transfers", 1), ("acknowledges", 2),
    ("sees alert", 1), ("notes", 1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """At `at_ms` after the start `who` does `what`; `value` says how, and chooses among what is there then."""

    at_ms: int
    who: str
    what: str
    value: str | float | int = ""

    def __str__(self) -> str:
        return f"{self.at_ms:>6} ms  {self.who} {self.what} {self.value}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One seed's plan."""

    seed: int
    store: Store
    starts: str
    students: tuple[str, ...]
    copies: int
    size: str = ""  # as benchmarks/faults.py takes it
    steps: tuple[Step, ...] = field(repr=False)
    afterwards: tuple[Step, ...] = field(default=(), repr=False)  # when everything is mended and at rest

    def __str__(self) -> str:
        head = f"seed {self.seed} on {self.store}, {self.starts} in Oslo, each webhook {self.copies} times"
        return "\n".join([head, *map(str, self.steps), "afterwards", *map(str, self.afterwards)])

    @property
    def faults(self) -> frozenset[str]:
        """What goes wrong in it, in words."""
        ours = (step for step in self.steps if step.what in FAULTS)
        return frozenset(
            f"{step.what} {step.value}" if step.what == "turns" else step.what
            for step in ours
            if step.value != "normal"
        )


def schedule(seed: int, store: Store, *, students: int = 6, acts: int = 40, seconds: float = 4.0) -> Schedule:
    """The same for the same arguments, always."""
    chance = random.Random(f"{seed} {store}")
    long = int(seconds * 1000)
    *people, keeper = (str(7_000_000_000_000_000 + seed * 100 + n) for n in range(students + 1))
    steps = [_act(chance, chance.randrange(long), people, number) for number in range(acts)]
    steps += [_deed(chance, chance.randrange(long // 4, long)) for _ in range(acts // 2)]
    # Somebody whose timers nothing cancels, as danger and a closing do.
    steps += [Step(0, keeper, "says", "hei")]
    steps += [Step(chance.randrange(long // 3, long), keeper, "timer", number) for number in range(4)]
    for trouble in chance.sample(_TROUBLES, k=chance.randrange(3, 6)):
        steps += trouble(chance, long, store)
    return Schedule(
        seed=seed,
        store=store,
        starts=chance.choices(STARTS, (3, 2, 2, 1, 1))[0],
        students=(*people, keeper),
        copies=chance.choice((1, 1, 2)),
        size=f"--acts {acts} --seconds {seconds:g}",
        steps=tuple(sorted(steps, key=lambda step: step.at_ms)),
        afterwards=tuple(
            Step(0, "staff", what, round(chance.random(), 3))
            for what in ("claims", "claims", "replies", "acknowledges", "claims", "replies", "closes")
        ),
    )


def quiet(seed: int, store: Store) -> Schedule:
    """A few conversations without any trouble: what the checker is tried on."""
    people = tuple(str(7_100_000_000_000_000 + seed * 100 + n) for n in range(3))
    calm, danger, claimed = people
    steps = (
        Step(0, calm, "says", "hei"),
        Step(10, danger, "says", "hei"),
        Step(20, claimed, "says", "hei"),
        Step(300, calm, "says", "det er litt mye nå"),
        Step(310, danger, "danger", DANGER[0]),
        Step(320, claimed, "commands", "prate"),
        Step(330, "everybody", "comes to rest"),
        Step(340, "staff", "takes", claimed),
        Step(350, "everybody", "comes to rest"),
        Step(360, "staff", "replies", 0.0),
        Step(370, claimed, "says", "takk"),
        Step(380, calm, "edits", "endret"),
        Step(390, calm, "timer", 0),
    )
    return Schedule(seed=seed, store=store, starts=STARTS[0], students=people, copies=2, steps=steps)


def _pick(chance: random.Random, weighted: tuple[tuple[str, int], ...]) -> str:
    return chance.choices([name for name, _ in weighted], [weight for _, weight in weighted])[0]


def _act(chance: random.Random, at: int, people: list[str], number: int) -> Step:
    what = _pick(chance, ACTS)
    value: str | float | int
    match what:
        case "says" | "edits":
            value = f"{chance.choice(WORDS)} ({number})" if chance.random() < 0.7 else chance.choice(WORDS)
        case "danger" | "edits into danger":
            value = chance.choice(DANGER)
        case "commands":
            value = chance.choice(COMMANDS)
        case _:
            value = round(chance.random(), 3)
    return Step(at, chance.choice(people), what, value)


def _deed(chance: random.Random, at: int) -> Step:
    return Step(at, "staff", _pick(chance, DEEDS), round(chance.random(), 3))


# Troubles: each one begins and ends within the schedule, or is over when the runner mends everything.


def _kill(chance: random.Random, long: int, store: Store) -> Iterator[Step]:
    for _ in range(chance.randrange(1, 4)):
        name = chance.choice(WORKERS[store] + WEBS[store])
        at = chance.randrange(200, long)
        yield Step(at, name, "is killed")
        yield Step(at + chance.choice((0, 50, 700)), name, "is started")


def _kill_all(chance: random.Random, long: int, store: Store) -> Iterator[Step]:
    """The machine goes down."""
    at = chance.randrange(long // 2, long)
    for name in WORKERS[store] + WEBS[store]:
        yield Step(at, name, "is killed")
        yield Step(at + 200, name, "is started")


def _freeze(chance: random.Random, long: int, store: Store) -> Iterator[Step]:
    for _ in range(chance.randrange(1, 3)):
        name = chance.choice(WORKERS[store] + WEBS[store])
        at = chance.randrange(100, long)
        yield Step(at, name, "is stopped")
        yield Step(at + chance.randrange(100, 2500), name, "goes on")


def _deploy(chance: random.Random, long: int, store: Store) -> Iterator[Step]:
    for name in WORKERS[store] + WEBS[store]:
        at = chance.randrange(200, long)
        yield Step(at, name, "is asked to end")
        yield Step(at + 1, name, "is started")


def _graph(chance: random.Random, long: int, store: Store) -> Iterator[Step]:
    at = chance.randrange(long * 2 // 3)
    yield Step(at, "graph", "turns", chance.choice(GRAPH))
    yield Step(at + chance.randrange(200, 2500), "graph", "turns", "normal")


def _database(chance: random.Random, long: int, store: Store) -> Iterator[Step]:
    at = chance.randrange(300, long)
    what = (
        "is locked"
        if store == "sqlite"
        else chance.choice(("is away", "drops connections", "takes no writes"))
    )
    yield Step(at, "database", what)
    yield Step(at + chance.choice((150, 600, 1500, 6000)), "database", "is back")


def _disk(chance: random.Random, long: int, store: Store) -> Iterator[Step]:
    """A SQLite process writes to a disk of its own; a PostgreSQL server whose disk is full takes no writes."""
    if store == "sqlite":
        name = chance.choice(WORKERS[store] + WEBS[store])
        at = chance.randrange(300, long)
        yield Step(at, name, "has a full disk")
        yield Step(at + chance.randrange(200, 2500), name, "has room")
    else:
        at = chance.randrange(300, long)
        yield Step(at, "database", "takes no writes")
        yield Step(at + chance.choice((150, 600, 1500)), "database", "is back")


def _mail(chance: random.Random, long: int, store: Store) -> Iterator[Step]:
    """Deliveries held back, then many in a POST, and some in another order."""
    at = chance.randrange(long * 2 // 3)
    yield Step(at, "mail", "is held back")
    what = chance.choice(("comes batched", "comes shuffled", "comes shuffled"))
    yield Step(at + chance.randrange(200, 2500), "mail", what, chance.randrange(2, 8))


def _again(chance: random.Random, long: int, store: Store) -> Iterator[Step]:
    for _ in range(3):
        yield Step(chance.randrange(long // 3, long), "mail", "comes again", round(chance.random(), 3))


def _clock(chance: random.Random, long: int, store: Store) -> Iterator[Step]:
    """Put on, or back: not by ten minutes in all, for what is said to be further ahead the service does not believe."""
    back = 0
    for _ in range(chance.randrange(1, 4)):
        at, by = chance.randrange(long), chance.choice((-240, -30, -2, 2, 30, 300, 1000, 2000))
        back -= min(by, 0)
        yield Step(at, "clock", "jumps", by if back < MOST_BACK_SECONDS else -by)


_TROUBLES = (
    _kill, _kill, _kill_all, _freeze, _freeze, _deploy, _graph, _graph, _graph, _database, _disk, _mail, _mail,
    _again, _clock, _clock,
)  # fmt: skip
