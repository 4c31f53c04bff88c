"""What the arguments of `umir separate-train` ask for: network and recipe, and whether they fit."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from umir.program import names

if TYPE_CHECKING:
    from umir.separation.recipes import SeparationPreset
    from umir.separation.start import SeparatorStart

# What says when a training ends: it may be made longer or shorter.
ENDS = ("recipe.steps", "recipe.patience")


def preset_of(args: argparse.Namespace) -> "SeparationPreset":
    """Return the preset that arguments ask for, with their changes.

    Raises:
        ValueError: what they ask for does not fit together.
    """
    from umir.separation.data import check_names
    from umir.separation.joint_unet import JointUNet
    from umir.separation.recipes import PRESETS

    preset = PRESETS[preset_name(args)]
    network, recipe = preset.network, preset.recipe
    check_prior(args, recipe)
    if args.sources is not None:
        sources = names("--sources", args.sources)
        check_names(sources)
        if isinstance(network, JointUNet):
            network = replace(network, sources=sources, detected=_detected(sources))
        else:
            network = replace(network, sources=sources)
    given = {name: getattr(args, name) for name in ("epoch_steps", "patience", "steps", "alpha")}
    recipe = replace(recipe, **{name: value for name, value in given.items() if value})
    factor = (args.learning_rate or recipe.stages[0].learning_rate) / recipe.stages[0].learning_rate
    stages = [
        replace(
            stage,
            batch=args.batch or stage.batch,
            learning_rate=stage.learning_rate * factor,
            lowest=stage.lowest and stage.lowest * factor,
        )
        for stage in recipe.stages
    ]
    if args.prior in ("adversarial", "factorgan") and min(stage.batch for stage in stages) < 2:
        raise ValueError(
            "--batch 1: critics compare what is made with what is made of others; give 2 or more"
        )
    return replace(preset, network=network, recipe=replace(recipe, stages=tuple(stages)))


def check_prior(args: argparse.Namespace, recipe: Any) -> None:
    """Raise a ValueError if arguments ask for what the recipe of their preset does not have."""
    from umir.separation.recipes import PRESETS, JointRecipe, PriorRecipe

    joint, critics = isinstance(recipe, JointRecipe), isinstance(recipe, PriorRecipe)
    asked = {
        f"--prior {args.prior}": args.prior != "none"
        and not (joint if is_joint(args) else critics),
        "--mixtures": args.mixtures and not (joint or critics),
        "--solo": args.solo and not (joint or critics),
        "--activity": args.activity and not joint,
        "--alpha": args.alpha and not (critics and args.prior != "none"),
    }
    if wrong := [name for name, value in asked.items() if value]:
        kind = JointRecipe if is_joint(args) or args.activity else PriorRecipe
        others = [name for name, other in PRESETS.items() if isinstance(other.recipe, kind)]
        raise ValueError(
            f"{', '.join(wrong)}: not of the preset {preset_name(args)}; leave --preset out, or "
            f"take one of {', '.join(others)}"
        )


def preset_name(args: argparse.Namespace) -> str:
    """Return the preset that is asked for, or the one that does for the other arguments."""
    if args.preset:
        return args.preset
    if is_joint(args) or args.activity:
        return "joint-half"
    unpaired = args.prior != "none" or args.mixtures or args.solo
    return "magnitudes-half" if unpaired else "m5-highsr"


def check_enough(args: argparse.Namespace, sources: Sequence[str]) -> None:
    """Raise a ValueError if no argument names what a prior cannot do without."""
    from umir.separation.data import check_heard

    if is_joint(args):
        if not (args.data or args.activity):
            raise ValueError("nothing to learn from: give --pairs, --activity or both")
    elif args.prior == "none":
        if not args.data:
            raise ValueError("no songs with stems: give --pairs")
    elif not (args.data or args.mixtures):
        raise ValueError("nothing to separate: give --mixtures, or songs with stems as --pairs")
    elif not args.data:
        solos = {text.partition("=")[0] for text in args.solo or ()}
        check_heard(args.prior, sources, solos)


def has_several_losses(preset: "SeparationPreset") -> bool:
    """Return whether a preset learns from more than songs with stems."""
    from umir.separation.recipes import JointRecipe, PriorRecipe

    return isinstance(preset.recipe, (PriorRecipe, JointRecipe))


def settings_of(args: argparse.Namespace, preset: "SeparationPreset") -> dict[str, Any]:
    """Return what another training in the same folder must agree with but for `ENDS`: JSON."""
    settings = {"data": str(args.data), "seed": args.seed, "init": args.init, **as_json(preset)}
    if has_several_losses(preset):
        settings |= {"prior": args.prior, "mixtures": str(args.mixtures), "solo": args.solo}
        settings["activity"] = str(args.activity)
    return settings


def as_json(preset: "SeparationPreset") -> dict[str, Any]:
    """Return a preset as plain JSON: what another training of the same folder must agree with."""
    return json.loads(json.dumps(asdict(preset)))


def data_in_words(args: argparse.Namespace, start: "SeparatorStart | None") -> list[str]:
    """Return what a model learns from, for its card."""
    from umir.data_specification import OWN_FOLDER, sources_of

    named = [text for text in (args.data, args.activity) if text]
    found = [source for text in named for source in sources_of(text)]
    found += [OWN_FOLDER] if args.mixtures or args.solo else []
    found += start.data if start else []
    return list(dict.fromkeys(found))


def is_joint(args: argparse.Namespace) -> bool:
    """Return whether one network is to detect beside separating."""
    return args.prior == "joint"


def _detected(sources: Sequence[str]) -> str:
    """Return the source that is detected: the voice if there is one, else the first."""
    return "vocals" if "vocals" in sources else sources[0]
