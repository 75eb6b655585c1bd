"""Rehearsals: scripts of conversations, played on the real service with a clock of its own. Nothing here prints.

The console and the command line use: `rehearse(files)` on saved or unsaved files, `coverage` of the results,
`script_of` for acts that were played in a preview, and `script_of_entries` for a transcript.
"""

from handlers.rehearsal.coverage import Coverage, coverage, table
from handlers.rehearsal.run import Line, Result, rehearse, rehearse_on, run_text
from handlers.rehearsal.script import Act, Opening, script_of
from handlers.rehearsal.show import shown
from handlers.rehearsal.transcript import acts_of, script_of_entries

__all__ = [
    "Act",
    "Coverage",
    "Line",
    "Opening",
    "Result",
    "acts_of",
    "coverage",
    "rehearse",
    "rehearse_on",
    "run_text",
    "script_of",
    "script_of_entries",
    "shown",
    "table",
]
