#!/usr/bin/env python3
"""Runs `scim2 test`, the suite of an independent implementation, against a running appliance, and counts.

Usage: SCIM_TOKEN=... scim2_tester.py BASE [LEAST]

BASE is the address of the service up to and including /scim/v2. Succeeds when every check ended in SUCCESS, none was
skipped, and at least LEAST checks (130) ran: a suite that quietly runs less is no proof. One user is created first,
since some checks want somebody to point at. The program `scim2` is taken from beside the Python that runs this file.
"""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

STATUSES = ("SUCCESS", "COMPLIANT", "ACCEPTABLE", "DEVIATION", "ERROR", "CRITICAL", "SKIPPED")
# One line per check: its status and the name of the function that made it. What follows is the reason.
CHECK = re.compile(r"^(%s) (\w+)$" % "|".join(STATUSES))
SECONDS = 300


def create_user(base: str, token: str) -> None:
    """Creates the one user that has to be there before."""
    user = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "someone@example.com",
        "name": {"givenName": "Some", "familyName": "One"},
        "emails": [{"value": "someone@example.com", "type": "work", "primary": True}],
        "active": True,
    }
    request = urllib.request.Request(
        base + "/Users",
        data=json.dumps(user).encode(),
        headers={"Content-Type": "application/scim+json", "Authorization": "Bearer " + token},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            if answer.status != 201:
                sys.exit(f"error: creating a user was answered {answer.status}")
    except urllib.error.HTTPError as refused:
        sys.exit(f"error: creating a user was answered {refused.code}: {refused.read().decode(errors='replace')}")


def run(base: str, token: str) -> subprocess.CompletedProcess:
    """Runs the suite. The token goes through the environment, where other users of the machine cannot see it."""
    scim2 = Path(sys.executable).with_name("scim2")
    return subprocess.run(
        [str(scim2), "-u", base, "test", "--verbose"],
        env={**os.environ, "SCIM_CLI_HEADERS": "Authorization: Bearer " + token, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS,
        check=False,
    )


def main() -> int:
    """Creates the user, runs the suite, prints what did not succeed, and the counts."""
    if len(sys.argv) not in (2, 3) or not os.environ.get("SCIM_TOKEN"):
        sys.exit(__doc__)
    base, token = sys.argv[1].rstrip("/"), os.environ["SCIM_TOKEN"]
    least = int(sys.argv[2]) if len(sys.argv) == 3 else 130
    create_user(base, token)
    done = run(base, token)

    counts: Counter[str] = Counter()
    report: list[str] = []
    bad = False
    for line in done.stdout.splitlines():
        check = CHECK.match(line)
        if check:
            counts[check[1]] += 1
            bad = check[1] != "SUCCESS"
        if bad or not counts:
            report.append(line)

    total, good, skipped = counts.total(), counts["SUCCESS"], counts["SKIPPED"]
    right = done.returncode == 0 and good == total and total >= least
    if not right:
        print("\n".join(report))
        print(f"scim2 test: exit code {done.returncode}, {total} checks of at least {least}, {dict(counts)}")
    print(f"scim2-tester: {good} passed, {total - good - skipped} failed, {skipped} skipped")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
