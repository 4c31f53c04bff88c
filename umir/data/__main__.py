"""Let `python -m umir.data ...` do what `umir data ...` does."""

import sys

from umir.data_command import main

if __name__ == "__main__":
    sys.exit(main())
