"""Meta-learning algorithms, pure: they see a loss and parameters, and nothing of music.

Parameters are `{"body": ..., "head": ...}`: the body is the shared initialisation, a head belongs
to one task. A loss is `loss(params, batch, key) -> scalar`. The meta-learners have the same three
functions, `init(body)`, `adapt(params, loss, support, key)` and `step(meta, episodes)`; multi-task
training has `init` and `step`, and no inner loop to adapt with.
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
from umir.meta.inner_loop import inner_loop as inner_loop
from umir.meta.maml import MAML as MAML
from umir.meta.meta_learner import MetaLearner as MetaLearner
from umir.meta.multitask import MultiTask as MultiTask
from umir.meta.reptile import Reptile as Reptile
