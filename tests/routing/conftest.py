"""Let the tests and ``make fuzz`` share routing_tables.py and effort.py."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
