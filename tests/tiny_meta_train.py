"""`umir meta-train` with the tiny network among the presets, as a process of its own."""

import sys

if __name__ == "__main__":  # the processes that render songs import this file too
    from tiny import TINY

    from umir.meta_train import main
    from umir.wave_unet import PRESETS

    PRESETS["tiny"] = TINY
    sys.exit(main())
