"""`check` refuses a card that would not fit, would preview its subject, or would name fewer than two at night."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from content_files import SERVICES, files, texts

from bot.checks import check


def changed(change: Callable[[Any], None]) -> str:
    tree = json.loads(texts())
    change(tree)
    return json.dumps(tree, indent=2)


def said(**files_changed: str) -> list[str]:
    return [str(problem) for problem in check(files(**files_changed))]


def test_neutral_line_is_as_long_as_a_preview() -> None:
    short = changed(lambda tree: tree["card"]["neutral"].update(nb="x" * 59))
    assert any("card.neutral: nb must have 60 characters" in each for each in said(texts=short))


def test_whole_card_in_both_languages_fits_into_one_message() -> None:
    def widen(tree: Any) -> None:
        for key in ("life", "to_legevakt", "to_kirkens_sos"):
            tree["card"][key] = {"nb": "x" * 400, "en": "x" * 400}

    assert any("the whole card life may reach" in each for each in said(texts=changed(widen)))


@pytest.mark.parametrize("service", ["police", "legevakt"])
def test_service_of_a_card_stands_in_services(service: str) -> None:
    gone = SERVICES.replace(f"- id: {service}\n", f"- id: {service}_gone\n")
    assert any(f"needs the service '{service}'" in each for each in said(services=gone))


def test_first_number_of_a_card_is_open_round_the_clock() -> None:
    start = SERVICES.index("- id: mental_helse")
    by_day = SERVICES[:start] + SERVICES[start:].replace(
        "hours: always", 'hours: {monday: ["09:00-15:00"]}', 1
    )
    assert any("card.talk: 'mental_helse' and one more" in each for each in said(services=by_day))
