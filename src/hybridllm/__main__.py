"""`python -m hybridllm`, where the command is not on the path."""

import sys

from hybridllm.cli import main

sys.exit(main())
