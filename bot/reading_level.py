"""How hard a text is to read: LIX, words a sentence plus the share of long words, for both languages alike.

C.-H. Björnsson, "Läsbarhet" (1968): below 30 children's books, 40 to 50 ordinary newspapers, above 50 official
prose. It was made for Swedish and holds for Norwegian; English has fewer long words and comes out a little lower.
"""

from __future__ import annotations

import re

HARD = 45  # above it a text is noted
ENOUGH_WORDS = 15  # shorter texts say too little
LONG_WORD = 7  # letters

_PLACEHOLDER = re.compile(r"\{[^{}]*\}|https?://\S+")
_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE = re.compile(r"[.!?:]+(?:\s|$)|\n+")


def counted(text: str) -> tuple[int, int, int]:
    """Words, long words, sentences."""
    if "{" in text or "://" in text:
        text = _PLACEHOLDER.sub(" ", text)
    words = _WORD.findall(text)
    sentences = sum(1 for part in _SENTENCE.split(text) if part and not part.isspace())
    return len(words), sum(1 for word in words if len(word) >= LONG_WORD), max(1, sentences)


def lix(words: int, long_words: int, sentences: int) -> int:
    """The level; 0 without words."""
    return round(words / sentences + 100 * long_words / words) if words else 0
