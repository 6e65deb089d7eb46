"""Compare IndexedMapper with a linear scan in a long run: ``make fuzz``.

Every second table is of the kinds that OpenStack's services and Kubernetes have.

python tests/routing/fuzz.py [LOOKUPS] [SEED]
"""

import sys
import time
from random import Random

from routing_tables import ServiceTable, Table

LOOKUPS_A_TABLE = 200  # about as many as the larger tables have routes


def main(lookups: int = 1_000_000, seed: int = 1) -> int:
    start, tables = time.perf_counter(), 0
    for tables in range(1, lookups // LOOKUPS_A_TABLE + 2):
        kind, size = (ServiceTable, 250) if tables % 2 else (Table, 8 if tables % 10 else 60)
        table = kind(Random(f"{seed}.{tables}"), size=size)
        for _ in range(LOOKUPS_A_TABLE):
            difference = table.difference()
            if difference:
                print(f"seed {seed}, table {tables}: {difference}")  # noqa: T201
                return 1
        for _ in range(LOOKUPS_A_TABLE // 10):
            difference = table.difference_of_methods()
            if difference:
                print(f"seed {seed}, table {tables}, methods: {difference}")  # noqa: T201
                return 1
    seconds = time.perf_counter() - start
    lookups = tables * LOOKUPS_A_TABLE
    print(f"{lookups:,} look-ups in {tables:,} tables: no difference, {seconds:.0f} s")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
