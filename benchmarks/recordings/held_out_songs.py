"""Songs of the studio that no model was trained on, of the kind that it was trained on.

A model says in its directory which groups of features its songs lacked (`umir.studio.features`):
what it is adapted to, or what fits a decoder beside it, must lack them, too.
"""

from umir.checkpoint import Model
from umir.meta_training.phases import FIRST_HELD_OUT_SONG, FIRST_VALIDATION_SONG, VALIDATION_SONGS
from umir.studio.catalogue import render_songs
from umir.studio.features import ALL_FEATURES, Features
from umir.studio.song import Song


def features_of(*models: Model | None) -> Features:
    """Return the features of the songs that models were trained on.

    A model that does not say has all of them, and so has none at all. Of several models, they are
    those that any of them knows: all hear the same songs.

    Args:
        models: what is stored of them; None for a start from scratch.
    """
    facts = [model.config.get("training", {}) if model else {} for model in models]
    left_out = [{*training.get("without", ())} for training in facts]
    return ALL_FEATURES.without(*set.intersection(*left_out)) if left_out else ALL_FEATURES


def held_out_songs(number: int, features: Features, *, rate: int, channels: int = 1) -> list[Song]:
    """Return songs that nothing was trained or fitted on, to adapt to and to score.

    Args:
        number: how many.
        features: of the songs.
        rate: in Hz.
        channels: 1 or 2.
    """
    return _rendered(FIRST_HELD_OUT_SONG, number, features, rate, channels)


def validation_songs(features: Features, *, rate: int, channels: int = 1) -> list[Song]:
    """Return songs like those that the decoders of a model were fitted on.

    Args:
        features: of the songs.
        rate: in Hz.
        channels: 1 or 2.
    """
    return _rendered(FIRST_VALIDATION_SONG, VALIDATION_SONGS, features, rate, channels)


def _rendered(first: int, number: int, features: Features, rate: int, channels: int) -> list[Song]:
    seeds = range(first, first + number)
    return render_songs(
        seeds, rate=rate, channels=channels, features=features, progress=number > 16
    )
