"""Networks on waveforms, and nothing else: convolution, resampling, Wave-U-Net, heads."""

from umir.wave_unet.convolution import convolution as convolution
from umir.wave_unet.convolution import transposed_convolution as transposed_convolution
from umir.wave_unet.heads import HeadSpec as HeadSpec
from umir.wave_unet.network import Network as Network
from umir.wave_unet.network import init_body as init_body
from umir.wave_unet.network import joint_outputs as joint_outputs
from umir.wave_unet.parameters import n_parameters as n_parameters
from umir.wave_unet.presets import PRESETS as PRESETS
from umir.wave_unet.presets import WaveUNetConfig as WaveUNetConfig
from umir.wave_unet.wave_unet import WaveUNet as WaveUNet
