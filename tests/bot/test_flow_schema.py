from __future__ import annotations

from pathlib import Path

from bot.flow.load import schema

SCHEMA = Path(__file__).parents[2] / "flows" / "flow.schema.json"


def test_the_schema_for_editors_is_that_of_the_model() -> None:
    said = "write it anew: python -c 'from bot.flow.load import schema; print(schema(), end=\"\")'"
    assert SCHEMA.read_text(encoding="utf-8") == schema(), f"{said} > flows/flow.schema.json"
