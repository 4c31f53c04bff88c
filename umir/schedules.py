"""How learning rates run over a training."""

import optax


def outer_optimizer(rate: float, steps: int) -> optax.GradientTransformation:
    """Return Adam with a short warm-up, a cosine decay, and gradients clipped to norm 1."""
    warm_up = max(1, min(20, steps // 10))
    schedule = optax.warmup_cosine_decay_schedule(0.0, rate, warm_up, max(steps, warm_up + 1))
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))
