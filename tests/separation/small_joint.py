"""A joint network that is trained in seconds."""

from umir.separation.joint_unet import JointUNet
from umir.separation.recipes import JointRecipe, SeparationPreset, Stage

VOICE = ("accompaniment", "vocals")
NET = JointUNet(VOICE, 4000, window=32, frames=8, filters=4, levels=2)
RECIPE = JointRecipe((Stage(3, 3e-3),), epoch_steps=2, patience=2, steps=4)
PRESET = SeparationPreset(NET, RECIPE)
