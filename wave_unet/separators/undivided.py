"""What separators share that are trained as a whole; unless they say so, they remember nothing."""

from collections.abc import Mapping
from typing import Any

from umir.wave_unet.parameters import Params
from umir.wave_unet.separators.layers import TOGETHER


class Undivided:
    """A separator without parts that run by themselves."""

    def parts(self, params: Params) -> dict[str, tuple[Any, Params]]:
        """Return this network and its parameters."""
        return {TOGETHER: (self, params)}

    def whole(self, parts: Mapping[str, Params]) -> Params:
        """Return the parameters of the network from those of its parts."""
        return parts[TOGETHER]

    def remembered(self, params: Params, features: dict[str, Any]) -> Params:
        """Return the parameters with what is kept of a batch in training: here nothing."""
        del features
        return params
