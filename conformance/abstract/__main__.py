"""Carries out the abstract tests of every class that a server declares.

usage: python3 -m abstract URL [TOKEN]

A declared class without tests, and a test that fails and is not in `KNOWN`, is a failure. The token is one that may edit; without
it nothing is edited, and the classes of Part 4 are not tested. The demo's collections are expected, all of them small enough for
a page.
"""

import sys
import time
from collections import Counter

from . import common, cql2, relations, crs, editing, features, filtering, jsonfg, matrices, processes, schemas, styles, tiles  # noqa: F401: their tests
from .suite import SPEC, TESTS, run
from .world import World

# Tests that fail, as the part of the name after all specifications, and why they may.
KNOWN = {}


def main(url, token=None):
    world = World(url, token)
    total, faults, begun = Counter(), [], time.monotonic()
    for uri in world.classes:
        name = uri.removeprefix(SPEC)
        if uri not in TESTS:
            faults.append(f"{name}: is declared and tested by nothing")
            continue
        counts = Counter()
        for test, result, reason in run(world, uri):
            counts[result] += 1
            known = KNOWN.get(f"{name}/{test}")
            if result == "failed" and known is None:
                faults.append(f"{name}/{test}: {reason}")
            if result == "passed" and known:
                faults.append(f"{name}/{test}: passes, and should not be among those that are known to fail")
            if result == "skipped" or known:
                print(f"  {name}/{test} {result}: {known or reason}")
        total += counts
        print(f"{name}: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    for fault in faults:
        print(f"FAULT {fault}")
    print(
        f"abstract tests: {len(world.classes)} classes, {total['passed']} passed, {total['failed']} failed, "
        f"{total['skipped']} skipped, {time.monotonic() - begun:.0f} s"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
