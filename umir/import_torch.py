"""`umir import-torch`: makes a model directory of a checkpoint of the PyTorch Wave-U-Net.

The network's sizes are read off the checkpoint; what it does not tell has an option. Nothing but
tensors is read: a file that holds code is refused. The result separates as any other model, with
`umir separate --model OUT`, and gives the same output to rounding.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from umir.program import command_line, names, positive, positive_number, program_parser, run_program

LICENCE = "that of the checkpoint, which its author knows; umir itself is Apache-2.0."


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    p = program_parser("import_torch", "Make a model of a checkpoint of the PyTorch Wave-U-Net.")
    p.add_argument("file", type=Path, metavar="FILE", help="what torch.save wrote")
    p.add_argument("--out", required=True, type=Path, metavar="DIR", help="the model's folder")
    p.add_argument(
        "--sources",
        metavar="NAME,NAME",
        help="names of the sources in their order; needed where they share one network",
    )
    p.add_argument("--rate", type=positive, default=44_100, help="it was trained at, in Hz")
    p.add_argument("--seconds", type=positive_number, default=2.0, help="of output per window")
    p.add_argument("--stride", type=positive, help="between levels; read off a fixed filter")
    return p


def import_torch(
    path: Path,
    out: Path,
    *,
    sources: Sequence[str] | None = None,
    rate: int = 44_100,
    seconds: float = 2.0,
    stride: int | None = None,
    command: str = "",
) -> str:
    """Make a model directory of a checkpoint.

    Args:
        path: what `torch.save` wrote.
        out: the model directory.
        sources: their names in their order; None for those of the checkpoint.
        rate: sampling rate that it was trained at, in Hz.
        seconds: of output per window at least.
        stride: between levels; None for that of the checkpoint's filter.
        command: what made it, for the card.

    Returns:
        A line that says what it is.

    Raises:
        ValueError: the file cannot be read, is not of this network, or contradicts what is given;
            names the file and the field.
    """
    import jax

    from umir.checkpoint import check_finite, check_params
    from umir.separation.separator_model import SeparatorModel
    from umir.torch_checkpoint import read_state
    from umir.wave_unet import n_parameters
    from umir.wave_unet.separators.torch_names import network_of, params_of

    state = read_state(path)
    try:
        network = network_of(state, rate=rate, seconds=seconds, sources=sources, stride=stride)
        params = params_of(network, state)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except IndexError:
        told = "has a weight with fewer axes than that of a Wave-U-Net in PyTorch"
        raise ValueError(f"{path}: {told}") from None
    check_params(params, jax.eval_shape(network.init, jax.random.key(0)), path)
    check_finite(params, path)
    line = (
        f"{', '.join(network.sources)}: {len(network.widths)} levels of "
        f"{network.widths[0]} to {network.widths[-1]} channels, stride {network.stride}, "
        f"{network.channels} channel(s) at {network.rate} Hz, "
        f"{n_parameters(params) / 1e6:.1f} million parameters"
    )
    card = "\n".join(
        [
            "# source_separation",
            "",
            f"A Wave-U-Net that was trained with PyTorch. {line}.",
            "",
            f"- Made by: `{command}`",
            f"- Data: unknown to umir: imported from {path.name}.",
            f"- Licence: {LICENCE}",
            "",
        ]
    )
    SeparatorModel(network, params, {"imported_from": path.name}).save(out, card)
    return line


def run(args: argparse.Namespace) -> None:
    """Import, and say what it is."""
    line = import_torch(
        args.file,
        args.out,
        sources=None if args.sources is None else names("--sources", args.sources),
        rate=args.rate,
        seconds=args.seconds,
        stride=args.stride,
        command=command_line(parser(), args) + f" {args.file.name}",
    )
    print(f"{args.out}: {line}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_program(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
