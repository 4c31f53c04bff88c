"""What the training of a separator starts from: a model of the same network."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import jax

from umir.checkpoint import check_params, load_model
from umir.data.splits import splits_together
from umir.released_models import RELEASE_KEY, find_model
from umir.separation.detector_model import ACTIVITY_SPLITS
from umir.separation.separator_model import FORMAT, SeparatorModel, kind_of
from umir.separation.window_separator import WindowNetwork
from umir.task_model import FORMAT as TASK_MODEL
from umir.task_model import INITIALISATION
from umir.wave_unet.parameters import Params

# How much comes out at once, which parameters do not depend on.
LENGTHS = ("wanted", "frames")


@dataclass(frozen=True)
class SeparatorStart:
    """A separator that another training goes on with.

    Attributes:
        name: the model directory or released model that it is from.
        params: its parameters.
        facts: what its directory says of it beside.
    """

    name: str
    params: Params
    facts: Mapping[str, Any]

    @classmethod
    def load(cls, name: str, network: WindowNetwork) -> "SeparatorStart":
        """Read a model directory, or a released model.

        Args:
            name: of either.
            network: what is to be trained; windows of another length are the same network.

        Raises:
            ValueError: it is no separator, damaged, or of another network: says in which fields.
        """
        directory = find_model(name, instead=" or `umir separate-train`, or leave --init out")
        stored = load_model(directory)
        form = stored.config.get("format")
        if form in (TASK_MODEL, INITIALISATION):
            raise ValueError(
                f"{name}: a model on umir's universal network, not a separator of a preset; go on "
                f"with it by `umir finetune --init {name} --data FOLDER --out DIR`"
            )
        if form != FORMAT:
            raise ValueError(
                f"{name}: its format is {form!r}, not that of a separator; give a model of "
                "`umir separate-train` or `umir import-torch`"
            )
        model = SeparatorModel.of(stored, directory)
        _check_network(name, model.network, network)
        params = dict(model.params)
        check_params(params, jax.eval_shape(network.init, jax.random.key(0)), directory)
        return cls(name, params, model.facts)

    @property
    def splits(self) -> Mapping[str, str]:
        """The groups that it was trained with, and their splits; none of a released model.

        Who goes on with a model must not score it on songs that it has learnt from.
        """
        return self._splits("splits", ACTIVITY_SPLITS)

    @property
    def activity_splits(self) -> Mapping[str, str]:
        """The same of the recordings with labels of activity."""
        return self._splits(ACTIVITY_SPLITS, "splits")

    def _splits(self, own: str, other: str) -> Mapping[str, str]:
        if RELEASE_KEY in self.facts:
            return {}
        return splits_together(self.facts.get(own, {}), self.facts.get(other, {}))

    @property
    def data(self) -> list[str]:
        """What it has learnt from, as model cards say it."""
        return list(self.facts.get("data", ()))


def _check_network(name: str, network: WindowNetwork, wanted: WindowNetwork) -> None:
    """Raise if a start is another network than the one asked for, and say in which fields."""
    own, asked = ({"kind": kind_of(net), **asdict(net)} for net in (network, wanted))
    fields = ["kind"] if own["kind"] != asked["kind"] else own.keys() - {*LENGTHS}
    different = [
        f"{field} {_spelled(own[field])} instead of {_spelled(asked[field])}"
        for field in own
        if field in fields and own[field] != asked[field]
    ]
    if different:
        raise ValueError(
            f"{name}: another network than the one to train: {', '.join(different)}; take the "
            "--preset and --sources that it has, or leave --init out"
        )


def _spelled(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
