"""Many long flows without a mistake, each as a coordinator might write it: for measuring, and for counting states."""

from __future__ import annotations


def many_flows(flows: int, steps: int) -> dict[str, str]:
    """`menu` and `flows` more files by name. Flow n calls 2n+1 and 2n+2, so all are a few taps from the menu."""
    names = [f"f{n}" for n in range(flows - 1)]
    menu = f"""flow: menu
start: choose
steps:
  choose:
    say: {{nb: "Hva trenger du å snakke om?", en: "What do you need to talk about?"}}
    choices:
      - {{id: someone, nb: "Noen å snakke med", en: "Someone to talk to", goto: people}}
      - {{id: more, nb: "Noe annet", en: "Something else", goto: more}}
  more: {{call: {names[0]}, goto: people}}
"""
    return {"menu": menu, **{name: _flow(n, names, steps) for n, name in enumerate(names)}}


def _flow(number: int, names: list[str], steps: int) -> str:
    below = [each for each in (2 * number + 1, 2 * number + 2) if each < len(names)]
    lines = [f"flow: {names[number]}", "start: s0", "steps:"]
    for n in range(steps):
        after = f"s{n + 1}" if n + 1 < steps else "back"
        lines.append(f"  s{n}:")
        lines += _step(n, after, names[below[n % len(below)]] if below and n in (1, 6) else "")
    return "\n".join(lines) + "\n"


def _step(n: int, after: str, called: str) -> list[str]:
    words = f'{{nb: "Dette er spørsmål nummer {n}, og du kan svare med en knapp.", en: "This is question number {n}, and you can answer with a button."}}'  # noqa: E501
    if called:
        return [f"    call: {called}", f"    goto: {after}"]
    match n % 5:
        case 4:
            return [
                "    when:",
                f"      - {{if: {{mood: [good, bad], open: true}}, goto: {after}}}",
                f"    goto: {after}",
            ]
        case 3:
            return [f"    say: {words}", "    write: about", "    optional: true", f"    goto: {after}"]
        case 2:
            return [f"    say: {words}", "    services: [amk, mental_helse]", f"    goto: {after}"]
    return [
        f"    say: {words}",
        "    choices:",
        f'      - {{id: good, nb: "Det går bra {n}x", en: "It goes well {n}x", goto: {after}}}',
        f'      - {{id: bad, nb: "Heller dårlig {n}x", en: "Rather badly {n}x", goto: {after}}}',
        f'      - {{id: person, nb: "Noen å prate med {n}x", en: "A person for me {n}x", goto: people}}',
        "    save: mood",
        f"    otherwise: {{say: {words}, goto: people}}",
        *(["    after: {minutes: 60, goto: people}"] if n % 10 == 0 else []),
    ]
