"""Implicit MAML: the outer gradient from where the inner loop ends, not from the way there.

    theta* = argmin over theta of  loss(theta, support) + lambda/2 |theta - theta_0|^2
    d loss(theta*, query) / d theta_0 = (I + H / lambda)^-1  d loss(theta*, query) / d theta*
    H = d^2 loss(theta*, support) / d theta*^2

Rajeswaran, Finn, Kakade and Levine 2019 (arXiv:1909.04630), lemma 1 and algorithm 2, the inverse by
conjugate gradients. theta is body and head, theta_0 the shared body with a fresh head; what is
learnt gets the body's part of the solution. The gradient is exact at the minimum; after finitely
many steps it is the approximation of the paper's theorem 1.

Memory and compiled programs do not depend on the number of inner steps, which may be any: they are
the gradient that all algorithms share, and one product with the Hessian. In forward passes, K inner
steps and C of conjugate gradients cost 3K+3 + 9C.
"""

from dataclasses import dataclass
from functools import cached_property

import jax
import optax
from jaxtyping import PyTree, Scalar

from umir.meta.conjugate_gradients import conjugate_gradients
from umir.meta.episode import Episode, Params
from umir.meta.gradients import loss_and_gradient
from umir.meta.hessian import hessian_product
from umir.meta.meta_learner import MetaLearner


@dataclass(frozen=True)
class ImplicitMAML(MetaLearner):
    """Implicit MAML over a body shared by all tasks.

    Attributes:
        proximity: lambda, how strongly the inner loop is drawn to where it starts. Gradient descent
            needs rates below 2 / (lambda + the largest curvature). The paper has 2 for Omniglot.
        solver_steps: of conjugate gradients; the paper has 5. With 0 it is of first order.
    """

    proximity: float = 1.0
    solver_steps: int = 5

    def __post_init__(self):
        if not (self.proximity > 0 and self.body_rate and self.head_rate):
            raise ValueError("implicit MAML needs a proximity above 0, and adapts body and head")

    @property
    def inner_update(self) -> optax.GradientTransformation:
        """The inner optimiser, drawn to where it starts."""
        return self._proximal_optimizer

    def gradient(self, body: PyTree, episode: Episode) -> tuple[Scalar, PyTree]:
        """Return the query loss after the inner loop, and its implicit gradient in the body."""
        _, loss, head, support, query, key = episode
        inner_key, query_key = jax.random.split(key)
        adapted = self.adapt({"body": body, "head": head}, loss, support, inner_key)
        value, gradient = loss_and_gradient(loss, adapted, query, query_key)
        curvature_key = jax.random.fold_in(inner_key, self.inner_steps)

        def product(vector: Params) -> Params:
            curved = hessian_product(loss, adapted, support, curvature_key, vector)
            return _plus(vector, 1 / self.proximity, curved)

        return value, conjugate_gradients(product, gradient, self.solver_steps)["body"]

    @cached_property
    def _proximal_optimizer(self) -> optax.GradientTransformation:
        plain = self.inner_optimizer or optax.sgd(1.0)
        return optax.chain(proximal(self.proximity), plain)


def proximal(strength: float) -> optax.GradientTransformation:
    """Return the transformation that adds the gradient of `strength/2 |theta - theta_0|^2`.

    theta_0 is what it is initialised with.
    """

    def update(gradient: Params, start: Params, params: Params) -> tuple[Params, Params]:
        drawn = jax.tree.map(lambda g, p, s: g + strength * (p - s), gradient, params, start)
        return drawn, start

    return optax.GradientTransformation(lambda params: params, update)


_plus = jax.jit(optax.tree.add_scale)
