"""Generators and critics on pictures and spectrograms as published, and a critic of waveforms.

They stand here and not in `umir.wave_unet`, because nothing but the adversarial objectives asks for
them. What goes in is `(batch, height, width, channel)`, of waveforms `(batch, time, channel)`. The
convolutions are those of `umir.wave_unet.convolution`, because the penalty of a critic
differentiates a gradient. Layers with a bias, batch normalisation and its statistics are those of
`umir.wave_unet.separators`; `minimal_filtering` has one axis of time only.

A network is a frozen dataclass without parameters, as everywhere in umir. A critic has `init(key)`
and `apply(params, x)`, a generator `init`, `apply(params, inputs, training=...)` and `remembered`
(`umir.priors.adversarial`).
"""

from umir.priors.networks.convolutional import ConvolutionalCritic as ConvolutionalCritic
from umir.priors.networks.convolutional import ConvolutionalGenerator as ConvolutionalGenerator
from umir.priors.networks.dense import DenseCritic as DenseCritic
from umir.priors.networks.dense import DenseGenerator as DenseGenerator
from umir.priors.networks.image_unet import ImageUNet as ImageUNet
from umir.priors.networks.separation_critic import SeparationCritic as SeparationCritic
from umir.priors.networks.separation_unet import SeparationUNet as SeparationUNet
from umir.priors.networks.waveform_critic import WaveformCritic as WaveformCritic
