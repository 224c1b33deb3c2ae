"""The models of the API: what calls return, and the typed objects that requests are made of."""

from kraty_server_generated.models import *  # noqa: F403  (everything that is generated, by its __all__)
from kraty_server_generated.types import Model as Model
from kraty_server_generated.types import UnknownVariant as UnknownVariant
