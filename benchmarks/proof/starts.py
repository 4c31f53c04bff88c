"""The starts that are compared: what the body is, how the head begins, what takes the steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from log_mel_cnn import log_mel_cnn

from proof.methods import Method, adam, episode_loop, plain_loop, probe
from umir.wave_unet import HeadSpec, Network, WaveUNetConfig

# Adam's rates of the body, the same to choose from for every start; the head's is ten times that.
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
# Of the inner loop's own rates, for starts that were not trained for any inner loop.
FACTORS = (0.1, 0.3, 1.0)
STEPS = (0, 1, 3, 10, 30, 100, 300)
LONGEST = 1000  # steps of scratch: the score that others have to reach
WAVEFORM_STEPS = (0, 10, 100, 300)  # separation: its scores take longer than its steps
ROUNDS = (1, 3, 10)  # of an inner loop, each on segments of its own

MULTITASK = "multitask"
NAMED = "fomaml"  # the start that the bars are read for
PRIOR = "prior"  # the head that has learnt nothing
# Gradient evaluations of one step of meta-training with K inner steps, a third of the forward
# passes that `umir.meta` counts. Multi-task training takes two.
COSTS: dict[str, Callable[[int], int]] = {
    "fomaml": lambda k: k + 1,
    "reptile": lambda k: k,
    "anil": lambda k: 3 * k + 1,
    "maml": lambda k: 3 * k + 1,
    "maml_plus_plus": lambda k: k + 1,
    "meta_sgd": lambda k: k + 1,
    "imaml": lambda k: k + 1 + 3 * 5,
}
# Those that are compared on two families, with one seed.
FURTHER = tuple(name for name in COSTS if name not in ("fomaml", "maml"))
FURTHER_FAMILIES = ("percussion", "pitch")


@dataclass(frozen=True)
class Start:
    """One of the starts that are compared.

    Attributes:
        name: what it is called in tables.
        algorithm: of `umir.meta_train`, whose body it is; "" for a fresh body.
        method: what adapts (`proof.methods`).
        head: how the head begins (`umir.adaptation.head_initialisation`).
        network: configuration and head -> network.
        rates: to choose from on validation songs; one means that there is no choice.
        steps: at which it is scored.
        families: on which it is run; none for all.
        pairs: of seeds at most; 0 for all.
        separates: whether it can be adapted to separation, whose head gives no logits.
    """

    name: str
    algorithm: str = ""
    method: Method = adam
    head: str = PRIOR
    network: Callable[[WaveUNetConfig, HeadSpec], Network] = Network
    rates: Sequence[float] = RATES
    steps: Sequence[int] = STEPS
    families: Sequence[str] = ()
    pairs: int = 0
    separates: bool = True

    @property
    def takes_steps(self) -> bool:
        """Whether it is adapted step by step; a probe is not, and has one score, at 0."""
        return max(self.steps) > 0

    @property
    def fits_a_head(self) -> bool:
        """Whether its head has learnt before the first step: a probe, or a head in closed form."""
        return self.head != PRIOR or not self.takes_steps


def _log_mel(config: WaveUNetConfig, head: HeadSpec) -> Network:
    """Return the log-mel network, whose size is that of `nano` whatever the configuration."""
    del config
    return log_mel_cnn(head)


def _with_inner_loop(algorithm: str, **limits) -> list[Start]:
    """Return a meta-trained start with Adam, and with the inner loop that it was trained for."""
    loop = Start(
        f"{algorithm}, inner loop", algorithm, episode_loop, rates=(1.0,), steps=ROUNDS, **limits
    )
    return [Start(algorithm, algorithm, **limits), loop]


_FEW = {"families": FURTHER_FAMILIES, "pairs": 1}
_LOGITS = {"separates": False}
_PROBE = {"rates": (0.0,), "steps": (0,), "pairs": 1, **_LOGITS}
_LOOP = {"method": plain_loop, "rates": FACTORS, "steps": ROUNDS}

STARTS: dict[str, Start] = {
    start.name: start
    for start in (
        Start("scratch", steps=(*STEPS, LONGEST)),
        Start(MULTITASK, MULTITASK),
        *_with_inner_loop("fomaml"),
        Start("scratch, inner loop", **_LOOP),
        Start("multitask, inner loop", MULTITASK, **_LOOP),
        Start("log-mel CNN", network=_log_mel, steps=(*STEPS, LONGEST), pairs=1, **_LOGITS),
        Start("multitask, ridge head", MULTITASK, head="ridge", pairs=1, **_LOGITS),
        Start("multitask, prototype head", MULTITASK, head="prototype", pairs=1, **_LOGITS),
        Start("fomaml, ridge head", "fomaml", head="ridge", pairs=1, **_LOGITS),
        Start("fomaml, prototype head", "fomaml", head="prototype", pairs=1, **_LOGITS),
        Start("multitask, linear probe", MULTITASK, probe, **_PROBE),
        Start("fomaml, linear probe", "fomaml", probe, **_PROBE),
        *(start for name in FURTHER for start in _with_inner_loop(name, **_FEW)),
    )
}
