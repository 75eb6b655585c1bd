"""Colleagues who are named in a note: an @ before an alias, in any letter case."""

from __future__ import annotations

import re
from collections.abc import Mapping


def named(text: str, aliases: Mapping[int, str]) -> tuple[int, ...]:
    """Ids of those whom `text` names, in the order of the text. "@Kari Nord" is not "@Kari" where both are there."""
    by_alias = {alias.casefold(): id for id, alias in aliases.items() if alias.strip()}
    longest_first = sorted(by_alias, key=len, reverse=True)
    if not longest_first:
        return ()
    pattern = r"(?<![\w@.])@(" + "|".join(map(re.escape, longest_first)) + r")(?!\w)"
    return tuple(dict.fromkeys(by_alias[match[1]] for match in re.finditer(pattern, text.casefold())))
