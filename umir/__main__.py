"""`python -m umir` is `umir`."""

import sys

from umir.cli import main

sys.exit(main())
