"""Meta-learning algorithms, pure: they see a loss and parameters, and nothing of music.

Parameters are `{"body": ..., "head": ...}`: the body is the shared initialisation, a head belongs
to one task. A loss is `loss(params, batch, key) -> scalar`. The meta-learners have the same three
functions, `init(body)`, `adapt(params, loss, support, key)` and `step(meta, episodes)`; multi-task
training has `init` and `step`, and no inner loop to adapt with.

Counted in forward passes, K inner steps and a gradient of the body cost:

    FirstOrderMAML  3K+3          the query gradient at the adapted parameters
    Reptile         3K            the way to the adapted parameters
    MAML, ANIL      9K+3          through the inner loop; memory grows with K
      rematerialise 12K+3         the same, with the memory of one step
    MAMLPlusPlus    3K+3, 12K+3   first and second order; learnt rates of each layer and step
    MetaSGD         3K+3, 12K+3   learnt rates of each parameter
    ImplicitMAML    3K+3 + 9C     at the end of the inner loop, C steps of a linear solver

From the bottom: `episode` has what is passed around, `gradients` the compiled gradient that all
share, `hessian` the other compiled program; `inner_loop` goes forward, `inner_path` there and back.
"""

from umir.meta.anil import ANIL as ANIL
from umir.meta.episode import Episode as Episode
from umir.meta.episode import Loss as Loss
from umir.meta.episode import MetaState as MetaState
from umir.meta.episode import Params as Params
from umir.meta.first_order_maml import FirstOrderMAML as FirstOrderMAML
from umir.meta.gradients import judged as judged
from umir.meta.gradients import loss_and_gradient as loss_and_gradient
from umir.meta.gradients import outer_update as outer_update
from umir.meta.hessian import hessian_product as hessian_product
from umir.meta.implicit_maml import ImplicitMAML as ImplicitMAML
from umir.meta.inner_loop import inner_loop as inner_loop
from umir.meta.learnt_rates import fresh_rates as fresh_rates
from umir.meta.learnt_rates import rates_of_steps as rates_of_steps
from umir.meta.maml import MAML as MAML
from umir.meta.maml_plus_plus import MAMLPlusPlus as MAMLPlusPlus
from umir.meta.meta_learner import MetaLearner as MetaLearner
from umir.meta.meta_sgd import MetaSGD as MetaSGD
from umir.meta.multitask import MultiTask as MultiTask
from umir.meta.reptile import Reptile as Reptile
