"""Published separators, as they were published: they serve comparison, and weights of others."""

from umir.wave_unet.separators.filtered import FilteredWaveUNet as FilteredWaveUNet
from umir.wave_unet.separators.original import OriginalWaveUNet as OriginalWaveUNet
from umir.wave_unet.separators.sizes import Sizes as Sizes
from umir.wave_unet.separators.spectrogram import SpectrogramUNet as SpectrogramUNet
from umir.wave_unet.separators.variants import VARIANTS as VARIANTS
