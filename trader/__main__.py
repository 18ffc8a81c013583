"""`python -m trader`: the command line."""

import sys

from trader.cli.app import main

sys.exit(main())
