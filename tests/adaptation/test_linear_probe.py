"""The linear probe: as good as scikit-learn's on the same features, with a body that stays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from tiny import TINY

from umir.adaptation import linear_probe as probe
from umir.adaptation.head_inputs import head_inputs
from umir.adaptation.linear_probe import linear_probe
from umir.tasks import Batch, Classification, EventDetection, SourceSeparation, Target
from umir.wave_unet import Network, init_body

TONES = Classification("tones", ("low", "middle", "high"))
NETWORK = Network(TINY, TONES.head)
SAMPLES = TINY.total_stride
KEY = jax.random.key(1)


@pytest.fixture(scope="module")
def body():
    return init_body(TINY, jax.random.key(0))


def tones(number, seed):
    """Tones of three pitches in some noise."""
    rng, times = np.random.default_rng(seed), np.arange(SAMPLES) / 16_000
    label = np.arange(number) % 3
    phase = 2 * np.pi * np.array([200.0, 900.0, 3000.0])[label][:, None] * times
    waveform = 0.2 * np.sin(phase) + 0.05 * rng.normal(size=(number, SAMPLES))
    target = Target(np.eye(3, dtype=np.float32)[label], np.ones((number, 1), np.float32))
    return Batch(waveform[..., None].astype(np.float32), target)


def test_the_probe_is_logistic_regression(body):
    batch, penalty = tones(60, 0), 1e-2
    params = linear_probe(NETWORK, TONES, body, [batch], penalties=[penalty], key=KEY)
    assert params["body"] is body
    x = np.asarray(head_inputs(NETWORK, body, batch.waveform), np.float64)
    labels = batch.target.values.argmax(axis=1)
    # The task's loss is the cross-entropy over log 3; scikit-learn sums over the clips.
    strength = 1 / (penalty * np.log(3) * len(x))
    expected = LogisticRegression(C=strength, tol=1e-8, max_iter=10_000).fit(x, labels)

    def objective(kernel, probabilities):
        return log_loss(labels, probabilities) / np.log(3) + penalty / 2 * np.sum(kernel**2)

    logits = np.asarray(NETWORK.apply(params, jnp.asarray(batch.waveform))[0], np.float64)
    own = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    least = objective(expected.coef_, expected.predict_proba(x))
    assert objective(np.asarray(params["head"]["kernel"]), own) == pytest.approx(least, abs=1e-4)
    assert least < 0.99


def test_validation_data_choose_the_penalty(body):
    taught, valid = [tones(30, 0), tones(30, 1)], [tones(30, 2)]
    given = {"valid": valid, "key": KEY}
    chosen = linear_probe(NETWORK, TONES, body, taught, penalties=[1e-3, 1e3], **given)
    for penalty, same in ((1e-3, True), (1e3, False)):
        alone = linear_probe(NETWORK, TONES, body, taught, penalties=[penalty], key=KEY)
        assert np.allclose(alone["head"]["kernel"], chosen["head"]["kernel"], atol=1e-6) == same


def test_a_probe_that_did_not_converge_says_so(body, monkeypatch, capsys):
    given = {"penalties": [1e-3], "key": KEY}
    linear_probe(NETWORK, TONES, body, [tones(30, 0)], **given)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(probe, "MOST_STEPS", 2)
    linear_probe(NETWORK, TONES, body, [tones(30, 0)], **given)
    assert "penalty 0.001: stopped after 2 steps of L-BFGS" in capsys.readouterr().err


def test_what_is_masked_changes_nothing(body):
    task = EventDetection("clicks", ("a",))
    network, rng = Network(TINY, task.head), np.random.default_rng(0)
    values = (rng.uniform(size=(4, SAMPLES // 160, 1)) < 0.3).astype(np.float32)
    mask = (rng.uniform(size=values.shape) < 0.7).astype(np.float32)
    waveform = 0.1 * rng.normal(size=(4, SAMPLES, 1)).astype(np.float32)
    heads = [
        linear_probe(network, task, body, [Batch(waveform, Target(targets, mask))], key=KEY)
        for targets in (values, np.where(mask == 1, values, 1 - values).astype(np.float32))
    ]
    for one, other in zip(*map(jax.tree.leaves, heads), strict=True):
        np.testing.assert_array_equal(one, other)


def test_stems_and_nothing_raise(body):
    stems = SourceSeparation("stems", ("vocals", "rest"))
    target = Target(np.zeros((1, SAMPLES, 2, 1)), np.ones((1, SAMPLES, 1, 1)))
    batch = Batch(np.zeros((1, SAMPLES, 1), np.float32), target)
    with pytest.raises(ValueError, match="no linear map"):
        linear_probe(Network(TINY, stems.head), stems, body, [batch], key=KEY)
    with pytest.raises(ValueError, match="at least one batch"):
        linear_probe(NETWORK, TONES, body, [], key=KEY)
