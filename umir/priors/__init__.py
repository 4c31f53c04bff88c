"""Data-driven priors as objectives: what unpaired and unlabelled data say about the answer.

A generator (or separator) and critics that learn to tell what it makes from what is real. All are
assembled of the same pieces, and run in the one loop (`umir.training.train`):

    factor_gan       which critics there are, what each tells apart, and how their logits add up
    criteria         what a critic minimises: the logistic loss or Wasserstein's distance
    spectral_norm    what keeps a critic smooth
    adversarial      the objective: `init`, and `step(state, item)` over all networks
    streams          named sources of data, drawn afresh for each step of the critics
    guard            notices that a training has collapsed, and goes back
    protocols        what generators, critics, losses and measures must be
    training_curves  losses, gradients and the balance of the critics, drawn from the log

A batch is a dictionary of parts, name -> array `(batch, *space, channel)`: the two digits of a
pair, a picture and its segmentation, the stems of a song. Nothing here knows of music, nor of
pictures; the networks in `umir.priors.networks` do.
"""

from umir.priors.adversarial import Adversarial as Adversarial
from umir.priors.adversarial import Critic as Critic
from umir.priors.criteria import Logistic as Logistic
from umir.priors.criteria import Wasserstein as Wasserstein
from umir.priors.factor_gan import Factor as Factor
from umir.priors.factor_gan import factor_gan as factor_gan
from umir.priors.factor_gan import joint as joint
from umir.priors.factor_gan import log_density_ratio as log_density_ratio
from umir.priors.factor_gan import marginals as marginals
from umir.priors.guard import Collapsed as Collapsed
from umir.priors.guard import Guard as Guard
from umir.priors.streams import Noise as Noise
from umir.priors.streams import Rows as Rows
from umir.priors.streams import Streams as Streams
