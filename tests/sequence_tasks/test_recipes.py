"""The published models: counts of parameters, settings, and their names in the program."""

import jax
import pytest

from umir import sequences
from umir.sequence_tasks.networks import NETWORKS, network_as_json, network_of_json
from umir.sequence_tasks.recipes import PRESETS, TASKS
from umir.wave_unet import n_parameters
from umir.wave_unet.sequences import TCN

# To three digits in the paper; exact from its code.
COUNTS = {
    ("music", "jsb", "seq_unet"): 521_938,
    ("music", "jsb", "tcn"): 534_468,
    ("music", "muse", "seq_unet"): 1_768_738,
    ("music", "muse", "tcn"): 1_754_058,
    ("music", "nottingham", "seq_unet"): 1_768_738,
    ("music", "nottingham", "tcn"): 1_754_058,
    ("characters", "ptb", "seq_unet"): 5_905_240,
    ("characters", "ptb", "tcn"): 5_923_350,
    ("words", "ptb", "seq_unet"): 14_911_690,
    ("words", "ptb", "tcn"): 14_659_600,
}
# rate, clip, patience, dropout
SETTINGS = {
    ("characters", "ptb", "tcn"): (0.00014, 0.213, 5, 0.1),
    ("characters", "ptb", "seq_unet"): (0.00073, None, 5, 0.1),
    ("words", "ptb", "tcn"): (0.00115, None, 5, 0.5),
    ("words", "ptb", "seq_unet"): (0.00037, 0.722, 5, 0.5),
    ("music", "muse", "tcn"): (0.00023, None, 10, 0.2),
    ("music", "muse", "seq_unet"): (0.00047, None, 10, 0.2),
    ("music", "nottingham", "tcn"): (0.000067, 0.601, 10, 0.2),
    ("music", "nottingham", "seq_unet"): (0.00108, None, 10, 0.2),
    ("music", "jsb", "tcn"): (0.00134, None, 10, 0.5),
    ("music", "jsb", "seq_unet"): (0.00051, 0.324, 10, 0.5),
}


def preset(task, name, network):
    return PRESETS[task][name][network]


@pytest.mark.parametrize("which", COUNTS, ids="-".join)
def test_published_counts_of_parameters(which):
    params = jax.eval_shape(preset(*which).task.init, jax.random.key(0))
    assert n_parameters(params) == COUNTS[which]


@pytest.mark.parametrize("which", SETTINGS, ids="-".join)
def test_published_settings(which):
    recipe, network = preset(*which).recipe, preset(*which).task.network
    found = recipe.learning_rate, recipe.clip, recipe.patience, network.dropout
    assert found == SETTINGS[which]
    assert (recipe.epochs, recipe.warm_epochs) == (100, 10)
    assert recipe.batch == (1 if which[0] == "music" else 16)


def test_published_windows():
    for name, sizes in {"characters": (397, 325), "words": (117, 45)}.items():
        found = preset(name, "ptb", "seq_unet").task.sizes
        assert (found.inputs, found.outputs) == sizes
    audio = preset("audio", "piano", "residual_seq_unet").task
    assert (audio.sizes.outputs, audio.network.cycle) == (5120, 1024)
    wavenet = preset("audio", "piano", "wavenet").task
    assert wavenet.sizes.inputs - wavenet.sizes.outputs + 1 == 32_765


def test_the_program_names_what_there_is():
    assert list(sequences.PRESET_NAMES) == list(TASKS) == list(PRESETS)
    for task, names in sequences.PRESET_NAMES.items():
        assert set(names) == set(PRESETS[task])
        for of_name in PRESETS[task].values():
            assert tuple(of_name) == sequences.NETWORK_NAMES[task]


def test_networks_as_json_and_back():
    found = {
        network_as_json(p.task.network)["kind"]: p.task.network
        for names in PRESETS.values()
        for networks in names.values()
        for p in networks.values()
    }
    assert set(found) == set(NETWORKS)
    for network in found.values():
        assert network_of_json(network_as_json(network)) == network
    with pytest.raises(ValueError, match="network 'gru'"):
        network_of_json({"kind": "gru"})
    tcn = network_as_json(TCN(1, (2,), 1))
    with pytest.raises(ValueError, match="'tcn': .*colour"):
        network_of_json({**tcn, "colour": 3})
