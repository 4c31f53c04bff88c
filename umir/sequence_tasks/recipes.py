"""How the published sequence models were trained: the presets of `umir sequences`.

Stoller et al. 2020 (arXiv:1911.06393), tables of settings found by search: Adam, 100 epochs, the
rate halved when the validation loss of an epoch is worse than the worst of the last `patience`
ones, after epoch 10; the parameters with the best validation loss are kept. Copy memory and audio
have the settings of the repository.
"""

from dataclasses import dataclass

from umir.sequence_tasks.copy_memory import CLASSES as COPY_CLASSES
from umir.sequence_tasks.copy_memory import CopyMemory
from umir.sequence_tasks.language import Characters, Words
from umir.sequence_tasks.mu_law import CLASSES as AUDIO_CLASSES
from umir.sequence_tasks.networks import SequenceNetwork
from umir.sequence_tasks.polyphonic_music import KEYS, PolyphonicMusic
from umir.sequence_tasks.raw_audio import RawAudio
from umir.sequence_tasks.task import SequenceTask
from umir.wave_unet.sequences import TCN, ResidualSeqUNet, SeqUNet, WaveNet

TASKS: dict[str, type[SequenceTask]] = {
    task.kind: task for task in (PolyphonicMusic, CopyMemory, Characters, Words, RawAudio)
}
PTB_CHARACTERS, PTB_WORDS = 50, 10_000  # sizes of the vocabularies of the Penn Treebank


@dataclass(frozen=True)
class Recipe:
    """How a sequence model is trained.

    Attributes:
        learning_rate: of Adam, in the beginning.
        clip: longest gradient, over all parameters; None: any.
        patience: epochs whose worst validation loss an epoch must not exceed; None: the rate stays.
        warm_epochs: epochs after which the rate may be halved for the first time.
        epochs: each ends with a look at the validation data.
        batch: sequences or windows per step.
        epoch_steps: steps of an epoch; None: all data once.
    """

    learning_rate: float
    clip: float | None = None
    patience: int | None = 10
    warm_epochs: int = 10
    epochs: int = 100
    batch: int = 16
    epoch_steps: int | None = None


@dataclass(frozen=True)
class SequencePreset:
    """A published model and its training.

    Attributes:
        task: with the network.
        recipe: its training.
    """

    task: SequenceTask
    recipe: Recipe


def _music(network: SequenceNetwork, rate: float, clip: float | None = None) -> SequencePreset:
    return SequencePreset(PolyphonicMusic(network), Recipe(rate, clip, batch=1))


def _seq_unet(width: int, levels: int, taps: int, dropout: float) -> SeqUNet:
    return SeqUNet(KEYS, (width,) * levels, KEYS, taps, dropout)


def _tcn(width: int, levels: int, taps: int, dropout: float) -> TCN:
    return TCN(KEYS, (width,) * levels, KEYS, taps, dropout)


def _language_widths(width: int, embedding: int) -> tuple[int, ...]:
    return width, width, width, embedding


def _language_tcn(embedding: int, dropout: float) -> TCN:
    return TCN(embedding, _language_widths(600, embedding), embedding, 3, dropout, mapped=False)


def _copy(network: SequenceNetwork) -> SequencePreset:
    # The repository clips before it has a gradient, so not at all.
    recipe = Recipe(1e-3, None, patience=5, epochs=20, batch=32)
    return SequencePreset(CopyMemory(network), recipe)


def _characters(network: SequenceNetwork, rate: float, clip: float | None = None) -> SequencePreset:
    task = Characters(network, PTB_CHARACTERS, targets=320, embedding_dropout=0.1)
    return SequencePreset(task, Recipe(rate, clip, patience=5))


def _words(network: SequenceNetwork, rate: float, clip: float | None = None) -> SequencePreset:
    task = Words(network, PTB_WORDS, targets=45, embedding_dropout=0.25)
    return SequencePreset(task, Recipe(rate, clip, patience=5))


def _audio(network: SequenceNetwork) -> SequencePreset:
    recipe = Recipe(5e-4, None, patience=None, epochs=10)
    return SequencePreset(RawAudio(network), recipe)


# task -> data set -> network
PRESETS: dict[str, dict[str, dict[str, SequencePreset]]] = {
    "music": {
        "jsb": {
            # The paper prints a width of 170; its count of parameters, 522k, is that of 175.
            "seq_unet": _music(_seq_unet(175, 2, 3, 0.5), 0.00051, 0.324),
            "tcn": _music(_tcn(220, 2, 3, 0.5), 0.00134),
        },
        "muse": {
            "seq_unet": _music(_seq_unet(150, 4, 5, 0.2), 0.00047),
            "tcn": _music(_tcn(215, 4, 5, 0.2), 0.00023),
        },
        "nottingham": {
            "seq_unet": _music(_seq_unet(150, 4, 5, 0.2), 0.00108),
            "tcn": _music(_tcn(215, 4, 5, 0.2), 0.000067, 0.601),
        },
    },
    "copy": {
        "copy": {
            "seq_unet": _copy(SeqUNet(1, (10,) * 8, COPY_CLASSES, 7)),
            "tcn": _copy(TCN(1, (10,) * 8, COPY_CLASSES, 7)),
        },
    },
    "characters": {
        "ptb": {
            "seq_unet": _characters(SeqUNet(100, _language_widths(390, 100), 100, 3, 0.1), 0.00073),
            "tcn": _characters(_language_tcn(100, 0.1), 0.00014, 0.213),
        },
    },
    "words": {
        "ptb": {
            "seq_unet": _words(
                SeqUNet(600, _language_widths(390, 600), 600, 3, 0.5), 0.00037, 0.722
            ),
            "tcn": _words(_language_tcn(600, 0.5), 0.00115),
        },
    },
    "audio": {
        "piano": {
            "residual_seq_unet": _audio(ResidualSeqUNet(AUDIO_CLASSES, AUDIO_CLASSES)),
            "wavenet": _audio(WaveNet(AUDIO_CLASSES, AUDIO_CLASSES)),
        },
    },
}
