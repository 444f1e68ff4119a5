#!/usr/bin/env python3
"""Leads people and groups through their lives with `scim2-client`, the client library of another implementer.

Usage: SCIM_TOKEN=... scim2_client_life.py BASE [LEAST]

BASE is the address of the service up to and including /scim/v2. The library checks every answer against the models that
it built from our own /Schemas and /ResourceTypes, and throws when a status, a media type or a body does not fit; what
is read back is checked here besides. Succeeds when every check holds and at least LEAST (700) were made. A check of a
feature that /ServiceProviderConfig does not announce asks for the refusal instead.
"""

import os
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_client_people import ENTERPRISE, People
from scim2_models import BulkOperation, BulkRequest, EnterpriseUser, Group, Schema, SearchRequest, User


class Life(People):
    """What is discovered, the groups, the requests of several operations, and the end."""

    guides: str

    def discovery(self) -> None:
        """RFC 7644 §4, and our schemas beside the library's own idea of RFC 7643."""
        same = self.check.same
        self.scim.discover()
        config = self.scim.provider.config
        self.user, self.group = self.scim.get_resource_model("User"), self.scim.get_resource_model("Group")
        self.enterprise = self.user.get_extension_model(ENTERPRISE)
        same("PATCH is announced", config.patch.supported, True)
        same("filters are announced", config.filter.supported, True)
        same("sorting is announced", config.sort.supported, True)
        same("passwords cannot be changed", config.change_password.supported, False)
        same("the endpoints", {t.endpoint for t in self.scim.provider.resource_types} >= {"/Users", "/Groups"}, True)
        for model in (User, EnterpriseUser, Group):
            wanted = model.to_schema()
            ours = self.scim.query(Schema, wanted.id)
            same(f"{wanted.name}: the schema's id", ours.id, wanted.id)
            self.check.attributes(wanted.name, ours.attributes, wanted.attributes)

    def membership(self) -> None:
        """RFC 7643 §4.2, §4.1.2."""
        same, group = self.check.same, self.group
        made = self.scim.create(
            group.model_validate(
                {
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                    "displayName": f"Tour Guides {self.mark}",
                    "members": [{"value": self.babs, "type": "User"}, {"value": self.kim}],
                }
            )
        )
        self.guides = made.id

        def members() -> set[str]:
            return {m.value for m in self.scim.query(group, made.id).members or []}

        same("members", members(), {self.babs, self.kim})
        read = self.scim.query(self.user, self.babs)
        same("the user's groups", [(g.value, g.display) for g in read.groups], [(made.id, f"Tour Guides {self.mark}")])
        self.patch(group, made.id, {"op": "add", "path": "members", "value": [{"value": self.max}]})
        same("one more", members(), {self.babs, self.kim, self.max})
        self.patch(group, made.id, {"op": "add", "path": "members", "value": [{"value": self.max}]})
        same("not twice", len(self.scim.query(group, made.id).members), 3)
        self.patch(group, made.id, {"op": "remove", "path": f'members[value eq "{self.babs}"]'})
        same("one less", members(), {self.kim, self.max})
        same("no group any more", self.scim.query(self.user, self.babs).groups, None)
        self.patch(group, made.id, {"op": "replace", "path": "members", "value": [{"value": self.lee}]})
        same("others", members(), {self.lee})
        self.patch(group, made.id, {"op": "replace", "path": "displayName", "value": f"Guides {self.mark}"})
        found = self.scim.query(group, query_parameters=SearchRequest(filter=f'displayName eq "guides {self.mark}"'))
        same("by its new name", [g.id for g in found.resources], [made.id])
        found = self.scim.query(group, query_parameters=SearchRequest(filter=f'members.value eq "{self.lee}"'))
        same("by its member", [g.id for g in found.resources], [made.id])
        slim = self.scim.query(group, made.id, SearchRequest(excluded_attributes=["members"]))
        same("without members", (slim.display_name, slim.members), (f"Guides {self.mark}", None))
        whole = self.scim.query(group, made.id)
        whole.members = None
        whole.display_name = f"Tours {self.mark}"
        # A PUT that does not speak of members keeps them (the design's P11), as identity providers expect.
        same("renamed by PUT", self.scim.replace(whole).display_name, f"Tours {self.mark}")
        self.patch(group, made.id, {"op": "remove", "path": "members"})
        same("nobody", members(), set())
        self.check.refused(
            "a displayName twice", lambda: self.scim.create(group(display_name=f"TOURS {self.mark}")), 409, "uniqueness"
        )

    def bulk(self) -> None:
        """RFC 7644 §3.7."""
        same, user, group = self.check.same, self.user, self.group
        if not self.scim.provider.config.bulk.supported:
            body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": []}
            answer = self.http.post("Bulk", json=body).status_code
            same("no Bulk where none is announced", answer in (404, 501), True)
            return
        answer = self.scim.bulk(
            BulkRequest[user | group](
                operations=[
                    BulkOperation[user](
                        method="POST", path="/Users", bulk_id="qwerty", data=user(user_name=self.name("alice"))
                    ),
                    BulkOperation[group].model_validate(
                        {
                            "method": "POST",
                            "path": "/Groups",
                            "bulkId": "ytrewq",
                            "data": {
                                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                                "displayName": f"Bulk {self.mark}",
                                "members": [{"type": "User", "value": "bulkId:qwerty"}],
                            },
                        }
                    ),
                    BulkOperation[user](
                        method="POST", path="/Users", bulk_id="twice", data=user(user_name=self.name("ALICE"))
                    ),
                    BulkOperation[user](method="DELETE", path=f"/Users/{self.max}"),
                ]
            )
        )
        same("each on its own", [int(o.status) for o in answer.operations], [201, 201, 409, 204])
        found = self.scim.query(group, query_parameters=SearchRequest(filter=f'displayName eq "Bulk {self.mark}"'))
        alice = self.scim.query(user, query_parameters=SearchRequest(filter=f'userName eq "{self.name("alice")}"'))
        same("the reference was resolved", [m.value for m in found.resources[0].members], [alice.resources[0].id])
        self.check.refused("deleted", lambda: self.scim.query(user, self.max), 404)
        self.scim.delete(group, found.resources[0].id)
        self.scim.delete(user, alice.resources[0].id)

    def cursors(self) -> None:
        """RFC 9865."""
        pagination = getattr(self.scim.provider.config, "pagination", None)
        if pagination is None or not pagination.cursor:
            return
        ours = f'userName ew ".{self.mark}@example.com"'
        wanted = self.scim.query(self.user, query_parameters=SearchRequest(filter=ours)).total_results
        seen: list[str] = []
        cursor: str | None = ""
        for _ in range(9):
            page = self.scim.query(self.user, query_parameters=SearchRequest(filter=ours, count=2, cursor=cursor))
            seen += [u.id for u in page.resources or []]
            cursor = page.next_cursor
            if not cursor:
                break
        self.check.same("everybody once", (len(seen), len(set(seen)), cursor), (wanted, wanted, None))
        self.check.refused(
            "a cursor that is none",
            lambda: self.scim.query(self.user, query_parameters=SearchRequest(count=2, cursor="none")),
            400,
            "invalidCursor",
        )

    def end(self) -> None:
        """RFC 7644 §3.6, and who may not come in."""
        same, user = self.check.same, self.user
        same("a group goes", self.scim.delete(self.group, self.guides), None)
        self.check.refused("the group is gone", lambda: self.scim.query(self.group, self.guides), 404)
        same("a user goes", self.scim.delete(user, self.babs), None)
        self.check.refused("the user is gone", lambda: self.scim.query(user, self.babs), 404)
        self.check.refused("gone twice", lambda: self.scim.delete(user, self.babs), 404)
        again = self.scim.create(user(user_name=self.name("bjensen")))
        same("the name is free, the id is new", again.id != self.babs, True)
        self.scim.delete(user, again.id)
        stranger = SyncSCIMClient(
            Client(
                base_url=self.http.base_url,
                headers={"Authorization": "Bearer nobody"},
                event_hooks={"response": [self.check.exchange]},
                trust_env=False,
            ),
            provider=self.scim.provider,
        )
        self.check.refused("a wrong token", lambda: stranger.query(user, self.kim), 401)
        for id_ in (self.kim, self.lee, self.max):
            if self.http.delete(f"Users/{id_}").status_code not in (204, 404):
                self.check.fail("the end", "a user could not be deleted")


def main() -> int:
    """Lives, and counts."""
    if len(sys.argv) not in (2, 3) or not os.environ.get("SCIM_TOKEN"):
        sys.exit(__doc__)
    least = int(sys.argv[2]) if len(sys.argv) == 3 else 700
    life = Life(sys.argv[1].rstrip("/"), os.environ["SCIM_TOKEN"])
    check = life.check
    for part in (
        life.discovery,
        life.creation,
        life.queries,
        life.replacement,
        life.modification,
        life.versions,
        life.membership,
        life.bulk,
        life.cursors,
        life.end,
    ):
        try:
            part()
        except Exception as refusal:  # The other parts shall still be tried.
            notes = " ".join(getattr(refusal, "__notes__", []))
            check.fail(part.__name__, f"{type(refusal).__name__}: {refusal} {notes}")
    print(f"scim2-client: {check.good} passed, {check.bad} failed")
    return 0 if check.bad == 0 and check.good >= least else 1


if __name__ == "__main__":
    sys.exit(main())
