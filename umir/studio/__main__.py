"""`python -m umir.studio` is `umir studio`."""

import sys

from umir.studio_command import main

if __name__ == "__main__":
    sys.exit(main())
