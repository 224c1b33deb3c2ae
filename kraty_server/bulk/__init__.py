"""Jobs over millions of rows that can be killed and resumed: imports, make-goods, take-backs, exports.

`Job` names an action, as `grant` or `import_wallet`, and a source of rows. See docs/bulk.md for what is guaranteed.
"""

from __future__ import annotations

from kraty_server.bulk.actions import (
    Action,
    ban,
    credit,
    debit,
    erase,
    export,
    give,
    grant,
    import_inventory,
    import_players,
    import_wallet,
    revoke,
    snapshot,
    unban,
)
from kraty_server.bulk.arrow import OUTCOMES, ArrowFunction, arrow_function
from kraty_server.bulk.errors import JobError, JournalError, SourceError
from kraty_server.bulk.job import Check, Job, Problem
from kraty_server.bulk.journal import Failure
from kraty_server.bulk.progress import ProgressLine
from kraty_server.bulk.report import Progress, Report

__all__ = [
    "OUTCOMES",
    "Action",
    "ArrowFunction",
    "Check",
    "Failure",
    "Job",
    "JobError",
    "JournalError",
    "Problem",
    "Progress",
    "ProgressLine",
    "Report",
    "SourceError",
    "arrow_function",
    "ban",
    "credit",
    "debit",
    "erase",
    "export",
    "give",
    "grant",
    "import_inventory",
    "import_players",
    "import_wallet",
    "revoke",
    "snapshot",
    "unban",
]
