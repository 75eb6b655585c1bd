"""A flow's file to its model, and the model to the schema that editors read."""

from __future__ import annotations

import json

from bot.flow.model import Flow
from bot.yaml_text import Located, Problem, validate


def read_flow(located: Located) -> Flow | list[Problem]:
    """The flow, or everything that is wrong with its form. Where its steps lead is for `bot.checks`."""
    return validate(Flow, located)


def schema() -> str:
    """flows/flow.schema.json: editors complete and mark keys with it (yaml-language-server)."""
    described = Flow.model_json_schema(by_alias=True)
    return json.dumps(described, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
