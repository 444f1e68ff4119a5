#!/usr/bin/env python3
"""Runs the probe of `scim-sanity`, the suite of another implementer, against a running appliance, in all its ways.

Usage: SCIM_TOKEN=... sanity_probe.py BASE [LEAST]

BASE is the address of the service up to and including /scim/v2. The probe is called as a library rather than as a
program, since the program takes the token as an argument, where other users of the machine can see it. Succeeds when
each way of running it made at least LEAST checks (28) that all passed without a warning, and nothing was skipped but
resource types that the server does not announce.
"""

import os
import sys
from collections import Counter
from typing import Any

from scim_sanity.probe.runner import run_probe_api
from scim_sanity.profiles import PROFILES

# Agents are resource types of a draft. The probe skips those that /ResourceTypes does not name.
MAY_BE_SKIPPED = ("Agent", "AgenticApplication")


def ways(token: str) -> dict[str, dict[str, Any]]:
    """How the probe can be run: strictly, leniently, with each of its profiles, and with each way of signing in."""
    bearer = {"token": token}
    profiles = {f"profile {name}": {**bearer, "profile": name, "user_domain": "example.com"} for name in PROFILES}
    return {
        "strict": bearer,
        "compat": {**bearer, "strict": False},
        "basic": {"username": "probe", "password": token},
        "more fields": {**bearer, "extra_user_fields": {"password": "t1meMa$heen", "title": "Tour Guide"}},
        **profiles,
    }


def main() -> int:
    """Runs it, prints what did not pass, and the counts."""
    if len(sys.argv) not in (2, 3) or not os.environ.get("SCIM_TOKEN"):
        sys.exit(__doc__)
    base, least = sys.argv[1].rstrip("/"), int(sys.argv[2]) if len(sys.argv) == 3 else 28
    right = True
    counts: Counter[str] = Counter()
    for name, options in ways(os.environ["SCIM_TOKEN"]).items():
        report = run_probe_api(base, **options)
        passed = 0
        for result in report["results"]:
            counts[result["status"]] += 1
            fine = result["status"] == "pass"
            passed += fine
            if not fine and not (result["status"] == "skip" and result["name"].startswith(MAY_BE_SKIPPED)):
                right = False
                print(f"{name}: {result}")
        if report["exit_code"] != 0 or passed < least:
            right = False
            print(f"{name}: exit code {report['exit_code']}, {passed} checks of at least {least} passed")
    total, good, skipped = counts.total(), counts["pass"], counts["skip"]
    print(f"scim-sanity: {good} passed, {total - good - skipped} failed, {skipped} skipped")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
