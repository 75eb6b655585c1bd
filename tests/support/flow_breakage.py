"""Named kinds of breakage, each applied to one place of a flow at a time. A flow is its file's plain data."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Flow = dict[str, Any]
Change = Callable[[Flow], None]
Breakage = Callable[[Flow], Iterator[tuple[str, Change]]]
KINDS: dict[str, Breakage] = {}


def broken(kind: str, flow: Flow) -> Iterator[tuple[str, Flow]]:
    """Every place where this kind of breakage fits, with the flow broken there."""
    for where, change in KINDS[kind](flow):
        copied = copy.deepcopy(flow)
        change(copied)
        yield where, copied


def _step_kind(name: str, fits: Callable[[Flow], object], change: Callable[[Flow, str], None]) -> None:
    """A kind that changes one step: `change` gets the step and its name."""

    def places(flow: Flow) -> Iterator[tuple[str, Change]]:
        for step_name, step in flow["steps"].items():
            if fits(step):
                yield step_name, lambda f, n=step_name: change(f["steps"][n], n)

    KINDS[name] = places


def _choice_kind(
    name: str, fits: Callable[[Flow, Flow], object], change: Callable[[Flow, Flow, str], None]
) -> None:
    """A kind that changes one choice: `change` gets the choice, its step and the step's name."""

    def places(flow: Flow) -> Iterator[tuple[str, Change]]:
        for step_name, step in flow["steps"].items():
            for number, choice in enumerate(step.get("choices", ())):
                if fits(choice, step):
                    yield (
                        f"{step_name}.{choice['id']}",
                        lambda f, n=step_name, i=number: change(
                            f["steps"][n]["choices"][i], f["steps"][n], n
                        ),
                    )

    KINDS[name] = places


def _flow_kind(name: str, change: Change) -> None:
    KINDS[name] = lambda flow: iter([("the flow", change)])


def _set(**values: Any) -> Callable[..., None]:
    return lambda it, *_: it.update(values)


def _drop(*keys: str) -> Callable[..., None]:
    def change(it: Flow, *_: object) -> None:
        for key in keys:
            it.pop(key, None)

    return change


def _say(**words: str) -> Callable[[Flow, str], None]:
    return lambda step, _: step["say"].update(words)


def _has(*keys: str) -> Callable[..., bool]:
    return lambda it, *_: all(key in it for key in keys)


def _any(*_: object) -> bool:
    return True


def _waits(step: Flow) -> bool:
    return "choices" in step or "write" in step


def _swap(words: Flow) -> None:
    words["nb"], words["en"] = words["en"], words["nb"]


def _swap_titles(step: Flow, _: str) -> None:
    for choice in step["choices"]:
        _swap(choice)


# Ways
_step_kind("a goto to nowhere", _has("goto"), _set(goto="gone_away"))
_choice_kind("a choice that goes nowhere", _has("goto"), _set(goto="gone_away"))
_step_kind("an otherwise to nowhere", _has("otherwise"), lambda s, _: s["otherwise"].update(goto="gone_away"))
_step_kind("a condition to nowhere", _has("when"), lambda s, _: s["when"][0].update(goto="gone_away"))
_step_kind("a goto left out", _has("goto"), _drop("goto"))
_choice_kind("a choice without goto", lambda c, s: "goto" in c and "goto" not in s, _drop("goto"))
_step_kind("a goto to itself", lambda s: "goto" in s and not _waits(s), lambda s, n: s.update(goto=n))
_choice_kind("a choice that asks the same", _has("goto"), lambda c, s, n: c.update(goto=n))
_step_kind(
    "an otherwise to itself", _has("choices"), lambda s, n: s.update(otherwise={"tries": 1, "goto": n})
)
_step_kind("an after to itself", _waits, lambda s, n: s.update(after={"minutes": 60, "goto": n}))
_step_kind(
    "every choice leads back here",
    _has("choices"),
    lambda s, n: [c.update(goto=n) for c in s["choices"] if "danger" not in c],
)
_choice_kind("an end without a word", lambda c, s: "danger" not in c, _set(goto="end"))
_step_kind(
    "a silent step that ends", lambda s: "call" in s, lambda s, _: (s.pop("call"), s.update(goto="end"))
)
_step_kind("a call of no flow", _has("call"), _set(call="gone_away"))
_step_kind(
    "the wrong call", _has("call"), lambda s, _: s.update(call="become" if s["call"] != "become" else "about")
)
_step_kind("a call left out", _has("call"), _drop("call"))
_flow_kind("a start that is not there", lambda f: f.update(start="gone_away"))
_flow_kind("a flow with another name", lambda f: f.update(flow="something_else"))
_flow_kind(
    "a lost step",
    lambda f: f["steps"].update(lost={"say": {"nb": "Hei du.", "en": "Hi you."}, "goto": "menu"}),
)
_flow_kind("a step named as a place", lambda f: f["steps"].update(back={"goto": "menu"}))
KINDS["a step taken out"] = lambda flow: (
    (name, lambda f, n=name: f["steps"].pop(n)) for name in flow["steps"] if len(flow["steps"]) > 1
)


def _ask_more(flow: Flow) -> None:
    """Four more questions before the first step."""
    for number in range(4):
        flow["steps"][f"more_{number}"] = {
            "say": {"nb": "Hva mer vil du si om dette?", "en": "What more would you like to say about this?"},
            "write": f"more_{number}",
            "goto": f"more_{number + 1}" if number < 3 else flow["start"],
        }
    flow["start"] = "more_0"


_flow_kind("four more questions", _ask_more)
_step_kind(
    "people replaced by menu", lambda s: s.get("goto") == "people" and "danger" not in s, _set(goto="menu")
)
_choice_kind("a choice taken out", lambda c, s: len(s["choices"]) > 1, lambda c, s, _: s["choices"].remove(c))
_step_kind("choices taken out", lambda s: "choices" in s, _drop("choices", "save", "otherwise"))

# Texts
_step_kind("English left out", _has("say"), lambda s, _: s["say"].pop("en"))
_step_kind("bokmål left out", _has("say"), lambda s, _: s["say"].pop("nb"))
_step_kind("an emptied say", _has("say"), _say(nb=""))
_step_kind("a say of spaces", _has("say"), _say(en="   "))
_step_kind("a say taken out", _has("say"), _drop("say"))
_step_kind("a text too long", _has("say"), _say(nb="Litt lang tekst. " * 130))
_step_kind("a text too long once filled", _has("say"), lambda s, _: _fill_up(s["say"]))
_step_kind("an unknown placeholder", _has("say"), _say(nb="Hei {navn}", en="Hi {navn}"))
_step_kind(
    "a placeholder in one language",
    _has("say"),
    lambda s, _: s["say"].update(en=s["say"]["en"] + " {next_open}"),
)
_step_kind("a lost brace", _has("say"), lambda s, _: s["say"].update(nb=s["say"]["nb"] + " {amk"))
_step_kind(
    "a number written out", _has("say"), lambda s, _: s["say"].update(nb=s["say"]["nb"] + " Ring 113.")
)
_step_kind("swapped languages", _has("say"), lambda s, _: _swap(s["say"]))
_step_kind("swapped titles", _has("choices"), _swap_titles)
_step_kind("both in bokmål", _has("say"), lambda s, _: s["say"].update(en=s["say"]["nb"]))
_step_kind("an unknown service", _has("services"), lambda s, _: s["services"].append("gone_away"))
_step_kind("services taken out", _has("services"), _drop("services"))


def _fill_up(words: Flow) -> None:
    for language in words:
        words[language] += " {privacy_url}" * 5


# Buttons
_choice_kind("a title in one language", _any, _drop("en"))
_choice_kind("an emptied title", _any, _set(nb=""))
_choice_kind("a title too long", _any, lambda c, *_: c.update(en=c["en"] + " and so much more than fits"))
_choice_kind("a title that swallows HELP", _any, _set(nb="Hjelp"))
_choice_kind("a title that swallows STOP", _any, _set(en="STOP"))
_choice_kind(
    "a title of two choices",
    lambda c, s: s["choices"][0]["id"] != c["id"],
    lambda c, s, _: c.update(nb=s["choices"][0]["nb"].upper()),
)
_choice_kind(
    "an id of two choices",
    lambda c, s: s["choices"][0]["id"] != c["id"],
    lambda c, s, _: c.update(id=s["choices"][0]["id"]),
)
_choice_kind("a title of digits", _any, _set(nb="12", en="12"))
_choice_kind(
    "a title that means danger", lambda c, s: "danger" not in (*c, c["id"]), _set(nb="Vil ta livet mitt nå")
)
_step_kind(
    "more than thirteen choices",
    _has("choices"),
    lambda s, _: s["choices"].extend(
        {"id": f"more_{n}", "nb": f"Mer {n}a", "en": f"More {n}b", "goto": "menu", "set": {"more": f"m{n}"}}
        for n in range(14)
    ),
)
_step_kind(
    "choices as a mapping", _has("choices"), lambda s, _: s.update(choices={c["id"]: c for c in s["choices"]})
)

# Saved answers, conditions, danger
_step_kind(
    "a condition on nothing", _has("when"), lambda s, _: s["when"][0].update({"if": {"gone_away": "yes"}})
)
_step_kind(
    "a condition that never holds",
    _has("when"),
    lambda s, _: s["when"][0].update({"if": {k: ["never_said"] for k in s["when"][0]["if"]}}),
)
_step_kind("conditions left out", _has("when"), _drop("when"))
_step_kind("an answer not kept", _has("save"), _drop("save"))
_step_kind("an unknown value saved", _any, lambda s, _: s.update(set={"language": "sv"}))
_choice_kind(
    "an unknown answer saved", lambda c, s: s.get("save") in ("language", "safe"), _set(id="perhaps")
)
_step_kind("answers saved as another name", _has("save"), _set(save="feedback"))
_choice_kind("a fixed value left out", _has("set"), _drop("set"))
_step_kind("an otherwise left out", _has("otherwise"), _drop("otherwise"))
_step_kind("endless tries", _has("otherwise"), lambda s, _: s["otherwise"].update(tries=99))
_choice_kind("a danger mark left out", _has("danger"), _drop("danger"))
_choice_kind("danger that leads to the menu", _has("danger"), _set(goto="menu"))
_step_kind("danger with an unknown tier", _has("danger"), lambda s, _: s["danger"].update(tier="grave"))
_step_kind("a key misspelt", _has("goto"), lambda s, _: s.update(gotoo=s.pop("goto")))
