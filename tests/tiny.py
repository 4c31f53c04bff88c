"""A network small enough to be compiled and trained in a test: 100 Hz is its last level but one."""

from umir.wave_unet import WaveUNetConfig

TINY = WaveUNetConfig(
    preset="tiny",
    strides=(16, 10, 4),
    kernels=(17, 11, 7),
    widths=(4, 8, 8),
    decoder_kernels=(3, 3),
    dilations=(1, 2),
)
