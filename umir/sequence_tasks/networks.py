"""The networks that sequence tasks train, by name, and as plain JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from umir.wave_unet.sequences import TCN, CausalUNet, ResidualSeqUNet, SeqUNet, WaveNet

SequenceNetwork = SeqUNet | ResidualSeqUNet | TCN | WaveNet
NETWORKS: dict[str, type] = {
    "seq_unet": SeqUNet,
    "tcn": TCN,
    "residual_seq_unet": ResidualSeqUNet,
    "wavenet": WaveNet,
}


def network_name(network: SequenceNetwork) -> str:
    """Return what a network is called."""
    return next(name for name, known in NETWORKS.items() if type(network) is known)


def network_as_json(network: SequenceNetwork) -> dict[str, Any]:
    """Return the name and all sizes of a network."""
    sizes = {n: list(v) if isinstance(v, tuple) else v for n, v in asdict(network).items()}
    return {"kind": network_name(network), **sizes}


def network_of_json(fields: Mapping[str, Any]) -> SequenceNetwork:
    """Return the network that `network_as_json` described.

    Raises:
        ValueError: this version does not know it.
    """
    known = dict(fields)
    kind = known.pop("kind", None)
    if kind not in NETWORKS:
        raise ValueError(f"network {kind!r}: known are {', '.join(NETWORKS)}")
    sizes = {n: tuple(v) if isinstance(v, list) else v for n, v in known.items()}
    try:
        return NETWORKS[kind](**sizes)
    except TypeError as error:
        raise ValueError(f"network {kind!r}: {error}") from None


def cycle_of(network: SequenceNetwork) -> int:
    """Return after how many positions a network computes alike: 1 if it has a single rate."""
    return network.cycle if isinstance(network, CausalUNet) else 1
