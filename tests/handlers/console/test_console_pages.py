"""What the pages are made of: policy, words, contrast, weight, and parts that stay fresh."""

from __future__ import annotations

import gzip
import re
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest
from alert_cases import take
from sqlite_utils.utils import sqlite3

from handlers.console import words as catalogue
from handlers.console.words import LANGUAGES, WORDS
from storage.records import Role

HERE = Path(catalogue.__file__).parent
CSS = (HERE / "static" / "console.css").read_text("utf-8")
PAGES = (
    *("/", "/mine", "/more", "/staff", "/incidents"),
    *("/alerts", "/confirm", "/identities", "/records", "/drill", "/reached"),
    *("/me", "/security", "/welcome"),
    *("/flows", "/flows/publish", "/flows/history", "/flows/year", "/flows/sentence", "/flows/verified"),
)


class Inline(HTMLParser):
    """Collects what our policy forbids, and ids that stand twice."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        if tag == "style" or (tag == "script" and not named.get("src")):
            self.found.append(tag)
        self.found += [name for name in named if name == "style" or name.startswith("on")]
        for name in ("src", "href", "action", "formaction"):
            value = named.get(name) or ""
            if re.match(r"(javascript:|//)", value) or (
                tag in ("script", "link", "img", "use") and "://" in value
            ):
                self.found.append(value)
        self.ids += [named["id"]] if named.get("id") else []


def every_page(house):
    kari = house.staff("Kari", Role.COORDINATOR)
    contact = house.waiting("Hei «du» <b>")
    house.deeds.claim(contact, kari)
    house.student("Jeg skal ta livet mitt i kveld", "B")
    house.storage.write(lambda tx: tx.incidents.open("page:token_dead", house.at))
    alert = house.storage.read(lambda tx: tx.alerts.open())[0]
    house.cases.record(alert.id, kari, "note", {"text": "Fulgt <b>inn</b>"})
    house.drills.start(kari)
    browser = house.browser(kari)
    talks = [f"/c/{contact}{rest}" for rest in ("", "/details", "/transfer", "/close")]
    yield "/sign-in", house.browser().get("/sign-in")
    yield "403", house.browser(house.staff("Rot", Role.ADMIN)).get("/")
    for path in (*PAGES, *talks, f"/c/{alert.contact_id}", f"/alert/{alert.id}"):
        yield path, browser.get(path)


def test_every_page_has_the_policy_and_nothing_inline(house):
    for path, answer in every_page(house):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "unsafe" not in policy, (
            path
        )
        assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
        assert (
            answer.headers["Cache-Control"] == "no-store"
            and answer.headers["X-Content-Type-Options"] == "nosniff"
        )
        seen = Inline()
        seen.feed(answer.text)
        assert seen.found == [], path
        assert len(seen.ids) == len(set(seen.ids)), path
        assert "<b>" not in answer.text, path


def weight(page: str) -> tuple[int, int]:
    """Bytes of a page with every style sheet and script that it names: as they are, and as a proxy compresses them."""
    files = re.findall(r'(?:src|stylesheet" href)="/console/static/([^"]+)"', page)
    loaded = [page.encode(), *((HERE / "static" / name).read_bytes() for name in files)]
    assert len(loaded) >= 3
    return sum(map(len, loaded)), sum(len(gzip.compress(each)) for each in loaded)


def test_a_first_view_weighs_less_than_a_hundred_kilobytes(house, amalie):
    for n in range(12):
        house.waiting("hei", f"S{n}")
    assert weight(house.browser(amalie).page("/"))[0] < 100_000


def test_a_conversation_with_an_alert_weighs_less_than_forty_kilobytes_on_the_wire(house, amalie):
    contact = house.student("Jeg skal ta livet mitt i kveld")
    for n in range(8):
        house.waiting("hei", f"S{n}")
    house.deeds.claim(contact, amalie)
    plain, compressed = weight(house.browser(amalie).page(f"/c/{contact}"))
    assert plain < 125_000 and compressed < 40_000


def test_titles_hold_a_count_and_never_an_alias(house, amalie):
    contact = house.waiting()
    house.waiting("hei", "B")
    house.deeds.claim(contact, amalie)
    titles = [
        re.search("<title>(.*?)</title>", house.browser(amalie).page(path))[1]
        for path in ("/", f"/c/{contact}")
    ]
    assert titles == ["(1) Kø", "(1) Samtale"]


def test_the_console_speaks_the_language_of_its_reader(house):
    house.waiting()
    page = house.browser(house.staff("Amy", language="en")).page("/")
    assert 'lang="en"' in page and "Give me the next one" in page and "Gi meg neste" not in page
    assert "Sign in" in house.browser().get("/sign-in?language=en").text


def test_language_and_theme_are_kept_with_the_account(house, amalie):
    browser = house.browser(amalie)
    browser.post("/more/profile", language="en", theme="dark")
    page = browser.page("/more")
    assert 'lang="en"' in page and 'data-theme="dark"' in page


# Words.


def test_every_word_is_there_in_both_languages_with_the_same_blanks():
    for key, pair in WORDS.items():
        assert set(pair) == set(LANGUAGES) and all(str(text).strip() for text in pair.values()), key
        blanks = {frozenset(re.findall(r"\{(\w+)\}", text)) for text in pair.values()}
        assert len(blanks) == 1, key
        assert "!" not in pair["nb"] + pair["en"], key


def test_every_key_in_use_exists_and_none_is_unused():
    sources = [path.read_text("utf-8") for path in HERE.rglob("*") if path.suffix in (".py", ".html")]
    text = "\n".join(sources)
    script = "\n".join((HERE / "static" / name).read_text("utf-8") for name in ("console.js", "talk.js"))
    quoted = re.findall(r"""["']([a-z_]+\.[a-z0-9_]*[a-z0-9])["']""", text)
    literal = {key for key in quoted if key.split(".")[0] in _groups()}
    prefixes = set(re.findall(r"""t\(["']([a-z_]+\.(?:[a-z]+_)?)["'] ~""", text))
    prefixes |= set(re.findall(r"""f["']([a-z_]+\.(?:[a-z]+_)?)\{""", text))
    prefixes |= {"offline."} if "WORDS" in text else set()
    prefixes |= {f"{group}." for group in re.findall(r"""known\(["']([a-z_]+)["']""", text)}
    prefixes |= {f"time.{group}" for group in re.findall(r"""_word\(["']([a-z_]+)["']""", text)}
    literal |= {f"js.{key}" for key in re.findall(r"""say\(["']([a-z_]+)["']""", script)}
    literal |= {f"js.{key}" for key in re.findall(r"""say\(\w+ \? ["']([a-z_]+)["']""", script)}
    literal |= {
        f"js.{key}" for key in re.findall(r"""say\(\w+ \? ["'][a-z_]+["'] : ["']([a-z_]+)["']""", script)
    }
    files = {"console.css", "team.css", "console.js", "welcome.js", "publish.js", "mark.svg", "words.yaml"}
    missing = {key for key in literal if key not in WORDS and key not in files}
    assert not missing
    unused = {
        key
        for key in WORDS
        if key not in literal and not any(key.startswith(p) for p in prefixes if p != "js.")
    }
    assert not unused


def _groups() -> set[str]:
    return {key.split(".")[0] for key in WORDS}


# Contrast: WCAG 2, from the tokens in the style sheet.

PAIRS = [
    *(
        ("ink", ground, 4.5)
        for ground in (
            "bg",
            "surface",
            "accent-soft",
            "critical-soft",
            "high-soft",
            "elevated-soft",
            "sunken",
        )
    ),
    *(("ink-2", ground, 4.5) for ground in ("bg", "surface", "sunken", "accent-soft")),
    *(("ink-3", ground, 4.5) for ground in ("surface", "sunken")),
    *(("accent", ground, 4.5) for ground in ("bg", "surface", "accent-soft")),
    ("on-accent", "accent", 4.5),
    ("on-accent", "accent-press", 4.5),
    *(("critical", ground, 4.5) for ground in ("bg", "surface", "critical-soft")),
    ("on-critical", "critical-solid", 4.5),
    *(("high", ground, 4.5) for ground in ("bg", "surface", "high-soft")),
    *(("elevated", ground, 4.5) for ground in ("bg", "surface", "elevated-soft")),
    *(("normal", ground, 4.5) for ground in ("bg", "surface", "sunken")),
    ("note-ink", "note", 4.5),
    ("bg", "ink", 4.5),
    *(("line-strong", ground, 3.0) for ground in ("surface", "bg")),
]


def tokens(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+): ?(#[0-9a-f]{3,6})", block))


LIGHT = tokens(CSS.split('[data-theme="dark"]')[0])
DARK = tokens(CSS.split('[data-theme="dark"]')[1].split("@media")[0])


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(d * 2 for d in colour[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_pair_of_colours_can_be_read(theme):
    colours = LIGHT if theme == "light" else DARK
    for front, ground, least in PAIRS:
        bright, dim = sorted((luminance(colours[front]), luminance(colours[ground])), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= least, (theme, front, ground)


def test_the_dark_tokens_are_the_same_by_choice_and_by_device():
    by_device = tokens(CSS.split("@media (prefers-color-scheme: dark)")[1].split("/* Ground")[0])
    assert by_device == DARK and set(DARK) == set(LIGHT)


# Parts that stay fresh.


def asked(page: str) -> dict[str, str]:
    marks = dict(re.findall(r'data-part="(\w+)" data-mark="(\w+)"', page))
    for name in ("which", "c", "ticket"):
        found = re.search(rf'data-{name}="([^"]+)"', page.split("</svg>", maxsplit=1)[0])
        if found:
            marks[name] = found[1]
    return marks


def fresh(browser, marks):
    headers = {"X-Ticket": marks.get("ticket", "")}
    asked_for = {name: value for name, value in marks.items() if name != "ticket"}
    return browser.client.get("/console/fresh", query_string=asked_for, headers=headers)


def test_nothing_new_is_an_empty_answer(house, amalie):
    house.waiting()
    browser = house.browser(amalie)
    assert fresh(browser, asked(browser.page("/"))).status_code == 204


def test_a_new_student_changes_the_list_to_what_the_page_itself_would_show(house, amalie):
    browser = house.browser(amalie)
    marks = asked(browser.page("/"))
    contact = house.waiting()
    answer = fresh(browser, marks).get_json()
    assert set(answer["parts"]) == {"list", "asked"} and answer["badge"] == "(1) "
    assert f'id="row-{contact}"' in answer["parts"]["list"]["html"]
    page = browser.page("/")
    assert answer["parts"]["list"]["html"] in page and answer["parts"]["list"]["mark"] in page


def test_a_new_message_changes_the_thread_and_never_the_composer(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    marks = asked(browser.page(f"/c/{contact}"))
    assert fresh(browser, marks).status_code == 204
    house.student("Er du der")
    changed = fresh(browser, marks).get_json()["parts"]
    assert {"thread", "head"} <= set(changed) and "Er du der" in changed["thread"]["html"]
    assert "<textarea" not in "".join(part["html"] for part in changed.values())


def test_what_pause_held_back_comes_to_an_open_page_with_its_thread(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    marks = asked(browser.page(f"/c/{contact}"))
    browser.post(f"/c/{contact}/write", text="Er du trygg?", mode="reply", seen=10**6)
    house.student("PAUSE")
    answer = fresh(browser, marks).get_json()
    assert "data-held" in answer["parts"]["thread"]["html"]
    assert answer["draft"] == {"mode": "reply", "text": "Er du trygg?"}


def test_what_pause_held_back_is_not_written_over_by_a_page_that_does_not_show_it(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    browser.post(f"/c/{contact}/write", text="Er du trygg?", mode="reply", seen=10**6)
    seen = house.storage.read(lambda tx: tx.transcript.last_id(contact))
    house.student("PAUSE")

    def draft():
        return house.storage.read(lambda tx: tx.drafts.get(contact, amalie.id))

    assert browser.post(f"/c/{contact}/draft", text="Jeg er", mode="reply", seen=seen).status_code == 409
    browser.post(f"/c/{contact}/write", text="Ringer Jonas", mode="note", seen=seen)
    assert draft() == "reply\nEr du trygg?"
    browser.post(f"/c/{contact}/write", text="Jeg er her", mode="reply", seen=seen)  # it must be confirmed
    assert draft() == "reply\nEr du trygg?\nJeg er her"
    seen = house.storage.read(lambda tx: tx.transcript.last_id(contact))
    assert browser.post(f"/c/{contact}/draft", text="Jeg er her", mode="reply", seen=seen).status_code == 204
    assert draft() == "reply\nJeg er her"


def test_a_thread_is_refreshed_only_for_a_page_whose_opening_was_recorded(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    lead = house.browser(house.staff("Jonas", Role.DUTY_LEAD))
    ticket = asked(browser.page(f"/c/{contact}"))["ticket"]
    assert fresh(lead, {"c": contact, "ticket": ticket}).status_code == 403
    assert fresh(lead, {"c": contact}).status_code == 403


def test_what_comes_in_while_i_look_at_it_is_not_counted_as_new(house, amalie):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    marks = asked(browser.page(f"/c/{contact}"))
    house.student("Er du der")
    assert house.row(contact).unread == 1
    fresh(browser, marks)
    assert house.row(contact).unread == 0


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_when_nothing_can_be_kept_the_page_says_so(house, amalie, tmp_path):
    contact, browser = house.waiting(), house.browser(amalie)
    house.deeds.claim(contact, amalie)
    browser.token()
    (path,) = tmp_path.rglob("peersupport.db")
    house.storage._engine._writer.execute("PRAGMA busy_timeout=50")  # seconds, in a service
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")  # holds the store longer than anybody waits for it
        answer = browser.post(f"/c/{contact}/write", text="Hei", mode="reply", seen=0)
    assert answer.status_code == 503 and "Ingenting kan lagres" in answer.text


def test_a_supporter_is_told_why_messages_wait_and_not_of_what_is_others_to_mend(house, amalie):
    house.storage.write(lambda tx: tx.incidents.open("policy_warning", house.at))
    assert "Meta har advart" not in house.browser(amalie).page("/")
    house.storage.write(lambda tx: tx.incidents.open("page:token_dead", house.at))
    assert "Messenger slipper oss ikke inn" in house.browser(amalie).page("/")


def test_the_first_look_at_a_conversation_with_an_open_alert_is_light(case):
    take(case, case.amalie)
    browser = case.browser(case.amalie)

    def sent(path, **headers):
        with closing(browser.get(path, **headers)) as answer:
            return answer.status_code, dict(answer.headers), answer.data

    _, headers, page = sent(f"/c/{case.contact}", Accept_Encoding="gzip")
    assert "Content-Encoding" not in headers, "its length would tell about what stands in it"
    _, of_style, style = sent("/static/console.css", Accept_Encoding="gzip")
    _, of_script, script = sent("/static/console.js", Accept_Encoding="gzip")
    assert of_style["Content-Encoding"] == of_script["Content-Encoding"] == "gzip"
    assert len(page) + len(style) + len(script) < 55_000
    assert gzip.decompress(style) == sent("/static/console.css")[2]
    status, again, _ = sent("/static/console.css", Accept_Encoding="gzip", If_None_Match=of_style["ETag"])
    assert status == 304 and "Accept-Encoding" in again["Vary"]
