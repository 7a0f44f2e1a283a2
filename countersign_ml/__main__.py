"""`python -m countersign_ml` is the command `countersign`."""

import sys

from countersign_ml.cli.command_table import main

sys.exit(main())
