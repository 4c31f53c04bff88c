"""Causal networks on sequences: two Seq-U-Nets, and TCN and WaveNet to compare them with.

A model is a frozen dataclass of sizes; parameters are nested dictionaries of arrays. The Seq-U-Nets
run on whole files, without padding, on streams, and generate one sample at a time.
"""

from umir.wave_unet.sequences.causal_convolution import with_rows as with_rows
from umir.wave_unet.sequences.causal_unet import CausalUNet as CausalUNet
from umir.wave_unet.sequences.generation import generate as generate
from umir.wave_unet.sequences.residual_seq_unet import ResidualSeqUNet as ResidualSeqUNet
from umir.wave_unet.sequences.seq_unet import SeqUNet as SeqUNet
from umir.wave_unet.sequences.streaming import StreamState as StreamState
from umir.wave_unet.sequences.tcn import TCN as TCN
from umir.wave_unet.sequences.wavenet import WaveNet as WaveNet
