"""Counted checks for `scim2_client_life.py`, and our schemas beside those that the library brings along."""

from collections.abc import Callable
from typing import Any

from httpx2 import Request, Response
from scim2_models import SCIMException

# What is held against the library's own models (RFC 7643 §7), and where these models and we differ with good reason.
CHARACTERISTICS = (
    "type",
    "multi_valued",
    "required",
    "mutability",
    "returned",
    "uniqueness",
    "case_exact",
    "reference_types",
)

WE_DIFFER = {
    # §8.7.1 writes "caseExact": false for the password and names "User" and "Group" for groups.$ref.
    ("User.password", "case_exact"),
    ("User.groups.$ref", "reference_types"),
    # §8.7.1 writes "required": false for both, §4.3 calls them RECOMMENDED.
    ("EnterpriseUser.manager.value", "required"),
    ("EnterpriseUser.manager.$ref", "required"),
    # §7: "uniqueness" says what the service provider enforces, and names of groups are unique here.
    ("Group.displayName", "uniqueness"),
    # §8.7.1 does not have this part; it is the member's current name, which no client can write.
    ("Group.members.display", "mutability"),
}


class Checks:
    """Counts what holds, and tells what does not with the exchange that came before."""

    def __init__(self) -> None:
        self.good = 0
        self.bad = 0
        self.last = ""

    def exchange(self, answer: Response) -> None:
        """Remembers the last request and its answer; the Authorization header is no part of it."""
        answer.read()
        asked: Request = answer.request
        body = asked.content.decode(errors="replace")
        self.last = f"{asked.method} {asked.url.raw_path.decode()} {body}\n    {answer.status_code} {answer.text}"

    def fail(self, name: str, why: str) -> None:
        """Tells of a failure."""
        self.bad += 1
        print(f"FAILED {name}\n    {why}\n    {self.last[:4000]}")

    def same(self, name: str, is_: Any, wanted: Any) -> None:
        """The two are equal."""
        if is_ == wanted:
            self.good += 1
        else:
            self.fail(name, f"is {is_!r}, wanted {wanted!r}")

    def refused(self, name: str, call: Callable[[], Any], status: int, scim_type: str | None = None) -> None:
        """The call is answered with this status and this scimType."""
        try:
            got = call()
        except SCIMException as refusal:
            self.same(name, (refusal.status, refusal.scim_type or None), (status, scim_type))
        else:
            self.fail(name, f"was answered {got!r}, wanted {status} {scim_type}")

    def attributes(self, where: str, ours: list[Any], theirs: list[Any]) -> None:
        """The attributes of a schema beside those that the library knows (RFC 7643 §7, §8.7.1)."""
        known = {a.name: a for a in ours}
        for wanted in theirs:
            at = f"{where}.{wanted.name}"
            mine = known.get(wanted.name)
            if mine is None:
                self.fail(at, "the schema does not have it")
                continue
            for characteristic in CHARACTERISTICS:
                if (at, characteristic) in WE_DIFFER:
                    continue
                self.same(f"{at}: {characteristic}", getattr(mine, characteristic), getattr(wanted, characteristic))
            self.attributes(at, mine.sub_attributes or [], wanted.sub_attributes or [])
