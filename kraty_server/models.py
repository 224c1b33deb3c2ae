"""The models of the API: what calls return, and the typed objects that requests are made of.

They are loaded when one of them is asked for, or a client is made: it takes longer than importing all the rest.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes longer to import than this module
if TYPE_CHECKING:
    from typing import TypeAlias

    from kraty_server_generated.event_models import *  # noqa: F403  (as the next line)
    from kraty_server_generated.models import *  # noqa: F403  (everything that is generated, by its __all__)
    from kraty_server_generated.models import GrantedRewardEntryInput
    from kraty_server_generated.types import Model as Model
    from kraty_server_generated.types import UnknownVariant as UnknownVariant

    GrantEntry: TypeAlias = GrantedRewardEntryInput
    """A `CurrencyEntry`, `ItemEntry` or `CrateEntry`, or the same as a dict in the contract's own names."""


def __getattr__(name: str) -> object:
    if name == "__path__":  # `from kraty_server.models import …` asks whether this is a package
        raise AttributeError(name)
    from kraty_server_generated import models, types

    names = {one: getattr(models, one) for one in models.__all__}
    names |= {
        "Model": types.Model,
        "UnknownVariant": types.UnknownVariant,
        "GrantEntry": models.GrantedRewardEntryInput,
    }
    if name not in names:  # only webhooks need those, and who wants all
        from kraty_server_generated import event_models

        names |= {one: getattr(event_models, one) for one in event_models.__all__}
        names["__all__"] = list(names)
    globals().update(names)
    if name not in globals():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals()[name]


def __dir__() -> list[str]:
    __getattr__("__all__")
    return sorted(globals())
