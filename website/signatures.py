"""What the reference shows of a call: its result, as callers get it, and not the `Call` that it is built from."""

from __future__ import annotations

from typing import Any

import griffe


class Results(griffe.Extension):
    """Show `-> Grant` where the source of a method of a resource says `-> Call[Grant]`."""

    def on_function_instance(self, *, func: griffe.Function, **_kwargs: Any) -> None:
        """Look at each function once, when it was read."""
        built = func.returns
        if isinstance(built, griffe.ExprSubscript) and str(built.left) == "Call":
            func.returns = built.slice
