"""What models draw: the most probable against the network itself, seeds, and notes of rolls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nano_sequence_tasks import AUDIO, CHARACTERS, MUSIC, UNET, rolls
from numpy.testing import assert_allclose

from umir.sequence_tasks.audio_generation import after, generate_audio
from umir.sequence_tasks.continuation import continue_roll, continue_text, notes_of_roll
from umir.sequence_tasks.mu_law import CLASSES, SILENCE
from umir.sequence_tasks.piano_rolls import piece_batch
from umir.sequence_tasks.polyphonic_music import KEYS
from umir.sequence_tasks.raw_audio import RawAudio
from umir.wave_unet.sequences import WaveNet

KEY = jax.random.key(5)


def loud(params):
    """Parameters whose logits differ more, so that the most probable is no matter of rounding."""
    return jax.tree.map(lambda x: 3 * x, params)


def test_the_most_probable_text():
    params = loud(CHARACTERS.init(KEY))
    seen, logits = CHARACTERS.network.input_length(1), jax.jit(CHARACTERS.logits)
    before = np.array([3, 1, 4], np.int32)
    found = continue_text(CHARACTERS, params, before, 5, key=KEY, temperature=0.0)
    so_far = [3] * (seen - 3) + [3, 1, 4]
    for chosen in found:
        own = logits(params, jnp.asarray([so_far[-seen:]], jnp.int32))[0, -1]
        assert own[chosen] == own.max()
        so_far.append(int(chosen))


def test_text_is_drawn_from_the_key():
    params = CHARACTERS.init(KEY)
    draw = lambda key: continue_text(  # noqa: E731
        CHARACTERS, params, np.zeros(1, np.int32), 60, key=jax.random.key(key)
    ).tolist()
    one, again, other = draw(1), draw(1), draw(2)
    assert one == again != other and 1 < len({*one}) <= CHARACTERS.symbols
    with pytest.raises(ValueError, match="one symbol at least"):
        continue_text(CHARACTERS, params, np.zeros(0, np.int32), 1, key=KEY)
    with pytest.raises(ValueError, match="temperature of -1"):
        continue_text(CHARACTERS, params, np.zeros(1, np.int32), 1, key=KEY, temperature=-1.0)


def test_the_most_probable_frames():
    params = MUSIC.init(KEY)
    (piece,) = rolls([10])
    found = continue_roll(MUSIC, params, piece, 3, key=KEY, temperature=0.0)
    logits = jax.jit(MUSIC.logits)
    for frame in found:
        batch = piece_batch(np.concatenate([piece, frame[None]]), UNET.cycle)
        own = np.asarray(logits(params, jnp.asarray(batch["inputs"])))[batch["mask"] > 0][-1]
        assert ((own > 0) == frame).all()
        piece = np.concatenate([piece, frame[None]])


def test_frames_without_a_beginning():
    params = MUSIC.init(KEY)
    silent = np.zeros((0, KEYS), np.uint8)
    draw = lambda key: continue_roll(MUSIC, params, silent, 2, key=jax.random.key(key))  # noqa: E731
    assert draw(1).shape == (2, KEYS) and 0.3 < draw(1).mean() < 0.7  # nothing is learnt yet
    assert (draw(1) == draw(1)).all() and (draw(1) != draw(2)).any()


def test_notes_of_a_roll():
    roll = np.zeros((6, KEYS), np.uint8)
    roll[0:2, 48], roll[3:6, 48], roll[2:4, 60] = 1, 1, 1
    notes = notes_of_roll(roll, 0.5)
    assert_allclose(notes.intervals, [[0, 1], [1, 2], [1.5, 3]])
    assert_allclose(notes.frequencies, [440, 880, 440])
    assert len(notes_of_roll(roll[:0], 0.5).frequencies) == 0


def test_audio_goes_on_where_the_network_was():
    params, network = loud(AUDIO.init(KEY)), AUDIO.network
    prefix = np.random.default_rng(0).integers(0, CLASSES, 70).astype(np.uint8)
    run = jax.jit(lambda x: network.apply(params["network"], x, padding="zeros")[0])
    silence = np.full(4 * network.cycle + network.receptive_field, SILENCE, np.uint8)
    history = silence[: len(silence) // network.cycle * network.cycle]  # more than is heard
    for before in (prefix, prefix[:0]):
        found = generate_audio(AUDIO, params, 6, key=KEY, temperature=0.0, prefix=before)
        so_far = np.concatenate([history, before, found])
        logits = run(jax.nn.one_hot(jnp.asarray(so_far[:-1], jnp.int32), CLASSES)[None])[0]
        for position, chosen in enumerate(found, len(so_far) - len(found) - 1):
            assert logits[position, chosen] >= logits[position].max() - 1e-3
    with pytest.raises(ValueError, match="only Seq-U-Nets generate"):
        generate_audio(RawAudio(WaveNet(256, 256, 1, 2, 3, 3)), params, 1, key=KEY)


def test_a_prefix_in_blocks_is_that_prefix():
    params = AUDIO.init(KEY)["network"]
    classes = np.full(16 * AUDIO.network.cycle + 5, SILENCE, np.uint8)
    state = after(AUDIO.network, params, classes)
    assert state.phase == len(classes) % AUDIO.network.cycle
    whole, _ = jax.jit(AUDIO.network.step)(
        params,
        AUDIO.network.init_state(params),
        jax.nn.one_hot(jnp.asarray(classes, jnp.int32), CLASSES)[None],
    )
    jax.tree.map(lambda a, b: assert_allclose(a, b, atol=1e-5), state.buffers, whole.buffers)
