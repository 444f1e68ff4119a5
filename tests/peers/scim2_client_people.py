"""What `scim2_client_life.py` does with people: made, found, replaced, modified, and guarded by their versions."""

import uuid
from typing import Any

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_client_checks import Checks
from scim2_models import PatchOp, PatchOperation, SearchRequest

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class People:
    """A client of the appliance, the models that it discovered, and the names that nobody else uses."""

    user: Any
    group: Any
    enterprise: Any
    # The ids of those who live here.
    babs: str
    kim: str
    lee: str
    max: str

    def __init__(self, base: str, token: str) -> None:
        self.check = Checks()
        self.http = Client(
            base_url=base + "/",
            headers={"Authorization": "Bearer " + token},
            event_hooks={"response": [self.check.exchange]},
            trust_env=False,
        )
        self.scim = SyncSCIMClient(self.http)
        self.mark = uuid.uuid4().hex[:8]

    def name(self, local: str) -> str:
        """A userName of this run."""
        return f"{local}.{self.mark}@example.com"

    def patch(self, model: Any, id_: str, *operations: dict[str, Any]) -> Any:
        """A PATCH; without an answer (204, RFC 7644 §3.5.2) what a GET says."""
        sent = [PatchOperation[model](**o) for o in operations]
        answer = self.scim.modify(model, id_, PatchOp[model](operations=sent))
        return self.scim.query(model, id_) if answer is None else answer

    def creation(self) -> None:
        """RFC 7644 §3.3."""
        same = self.check.same
        sent = self.user.model_validate(
            {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
                "userName": self.name("Bjensen"),
                "externalId": "ext-" + self.mark,
                "name": {"givenName": "Barbara", "familyName": "Jensen", "formatted": "Ms. Barbara J Jensen, III"},
                "displayName": "Babs Jensen",
                "title": "Tour Guide",
                "active": True,
                "emails": [
                    {"value": "bjensen@example.com", "type": "work", "primary": True},
                    {"value": "babs@jensen.example", "type": "home"},
                ],
                "addresses": [{"type": "work", "locality": "Hollywood", "country": "US"}],
                ENTERPRISE: {
                    "employeeNumber": "701984",
                    "costCenter": "4130",
                    "department": "Tour Operations",
                    "manager": {"value": "26118915-6090-4610-87e4-49d8ca9f808d"},
                },
            }
        )
        made = self.scim.create(sent)
        self.babs = made.id
        read = self.scim.query(self.user, made.id)
        same("GET is what POST answered", read, made)
        same("userName as it was sent", read.user_name, self.name("Bjensen"))
        same("externalId", read.external_id, "ext-" + self.mark)
        same("name", (read.name.given_name, read.name.family_name), ("Barbara", "Jensen"))
        same(
            "emails",
            [(e.value, e.type, bool(e.primary)) for e in read.emails],
            [("bjensen@example.com", "work", True), ("babs@jensen.example", "home", False)],
        )
        same("addresses", [(a.type, a.locality, a.country) for a in read.addresses], [("work", "Hollywood", "US")])
        more = read[self.enterprise]
        same(
            "the extension",
            (more.employee_number, more.cost_center, more.department),
            ("701984", "4130", "Tour Operations"),
        )
        same("the manager", more.manager.value, "26118915-6090-4610-87e4-49d8ca9f808d")
        same("the extension's schema is named", ENTERPRISE in read.schemas, True)
        same("meta.resourceType", read.meta.resource_type, "User")
        same("meta.location", self.http.get(str(read.meta.location)).json()["id"], made.id)
        same("created now, changed now", read.meta.created, read.meta.last_modified)
        for local, first, active in (("kim", "Kim", True), ("lee", "Lee", False), ("max", "Max", True)):
            other = self.scim.create(
                self.user.model_validate(
                    {
                        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                        "userName": self.name(local),
                        "name": {"givenName": first},
                        "active": active,
                    }
                )
            )
            setattr(self, local, other.id)
        self.check.refused(
            "a userName twice", lambda: self.scim.create(self.user(user_name=self.name("bjensen"))), 409, "uniqueness"
        )

    def queries(self) -> None:
        """RFC 7644 §3.4.2, §3.4.3, §3.9."""
        same, user = self.check.same, self.user
        ours = f'userName ew ".{self.mark}@example.com"'

        def asked(**parts: Any) -> Any:
            parts.setdefault("filter", ours)
            return self.scim.query(user, query_parameters=SearchRequest(**parts))

        def names(answer: Any) -> list[str]:
            return [u.user_name.split(".")[0].lower() for u in answer.resources or []]

        everyone = ["bjensen", "kim", "lee", "max"]
        same("sorted", names(asked(sort_by="userName")), everyone)
        same("sorted downwards", names(asked(sort_by="userName", sort_order="descending")), everyone[::-1])
        same("no value comes last", names(asked(sort_by="title"))[0], "bjensen")
        same("no value comes first downwards", names(asked(sort_by="title", sort_order="descending"))[-1], "bjensen")
        for text, wanted in (
            (f'userName eq "{self.name("BJENSEN")}"', ["bjensen"]),
            (f'externalId eq "ext-{self.mark}"', ["bjensen"]),
            (f'externalId eq "EXT-{self.mark}"', []),
            (f"{ours} and active eq false", ["lee"]),
            (f"{ours} and not (active eq false)", ["bjensen", "kim", "max"]),
            (f"{ours} and title pr", ["bjensen"]),
            (f'{ours} and emails[type eq "work" and value co "@example.com"]', ["bjensen"]),
            (f'{ours} and emails[type eq "home" and value co "@example.com"]', []),
            (f'{ours} and name.givenName sw "k"', ["kim"]),
            (f'{ours} and {ENTERPRISE}:department eq "tour operations"', ["bjensen"]),
            (f"{ours} and {ENTERPRISE}:manager.value pr", ["bjensen"]),
            (f'{ours} and (name.givenName eq "Kim" or name.givenName eq "Max")', ["kim", "max"]),
            (f'{ours} and meta.lastModified gt "2020-01-01T00:00:00Z"', everyone),
            (f'{ours} and meta.created lt "2020-01-01T00:00:00Z"', []),
            (f'id eq "{self.babs}"', ["bjensen"]),
        ):
            same(f"GET {text}", names(asked(filter=text, sort_by="userName")), wanted)
            request = SearchRequest(filter=text, sort_by="userName")
            same(f".search {text}", names(self.scim.search(user, request)), wanted)
        page = asked(sort_by="userName", start_index=2, count=2)
        same(
            "a page",
            (names(page), page.start_index, page.items_per_page, page.total_results),
            (["kim", "lee"], 2, 2, 4),
        )
        none = asked(count=0)
        same("count=0 counts", (none.total_results, none.resources or []), (4, []))
        beyond = asked(start_index=9)
        same("beyond the end", (beyond.total_results, beyond.resources or []), (4, []))
        few = asked(attributes=["userName"], sort_by="userName").resources[0]
        same(
            "only what was asked for",
            (few.user_name, few.id, few.name, few.emails, few[self.enterprise]),
            (self.name("Bjensen"), self.babs, None, None, None),
        )
        parts = self.scim.query(user, self.babs, SearchRequest(attributes=["emails.value", ENTERPRISE + ":department"]))
        same(
            "parts of attributes",
            [(e.value, e.type) for e in parts.emails],
            [("bjensen@example.com", None), ("babs@jensen.example", None)],
        )
        more = parts[self.enterprise]
        same("parts of the extension", (more.department, more.cost_center), ("Tour Operations", None))
        less = self.scim.query(user, self.babs, SearchRequest(excluded_attributes=["emails", "name", "userName"]))
        same("without", (less.emails, less.name, less.title), (None, None, "Tour Guide"))
        both = self.scim.search(search_request=SearchRequest(filter=f'id eq "{self.babs}"'))
        same("search at the root", [r.id for r in both.resources], [self.babs])
        self.check.refused(
            "an unknown attribute in a filter",
            lambda: self.scim.query(
                user, query_parameters={"filter": 'nobody eq "x"'}, check_request_payload=False, url="/Users"
            ),
            400,
            "invalidFilter",
        )
        self.check.refused(
            "a filter that is none",
            lambda: self.scim.query(
                user, query_parameters={"filter": "userName eq"}, check_request_payload=False, url="/Users"
            ),
            400,
            "invalidFilter",
        )

    def replacement(self) -> None:
        """RFC 7644 §3.5.1."""
        same = self.check.same
        babs = self.scim.query(self.user, self.babs)
        babs.title = "Vice President"
        babs.emails = babs.emails[:1]
        babs.name.family_name = "Smith"
        babs[self.enterprise].cost_center = "9000"
        answer = self.scim.replace(babs)
        read = self.scim.query(self.user, self.babs)
        same("GET is what PUT answered", read, answer)
        same(
            "replaced",
            (read.title, read.name.family_name, read[self.enterprise].cost_center),
            ("Vice President", "Smith", "9000"),
        )
        same("one address fewer", [e.value for e in read.emails], ["bjensen@example.com"])
        same(
            "what was not changed",
            (read.id, read.user_name, read.meta.created),
            (self.babs, self.name("Bjensen"), babs.meta.created),
        )
        same("changed later", read.meta.last_modified >= babs.meta.last_modified, True)
        bare = self.user(id=self.babs, user_name=self.name("Bjensen"))
        read = self.scim.replace(bare)
        same(
            "what a PUT leaves out goes",
            (read.title, read.name, read.emails, read[self.enterprise]),
            (None, None, None, None),
        )
        self.check.refused(
            "a name that is taken",
            lambda: self.scim.replace(self.user(id=self.babs, user_name=self.name("KIM"))),
            409,
            "uniqueness",
        )
        self.check.refused(
            "a PUT of nobody", lambda: self.scim.replace(self.user(id="nobody", user_name=self.name("nobody"))), 404
        )

    def modification(self) -> None:
        """RFC 7644 §3.5.2."""
        same, user, babs = self.check.same, self.user, self.babs
        work = {"value": "b@work.example", "type": "work", "primary": True}
        home = {"value": "b@home.example", "type": "home"}
        read = self.patch(user, babs, {"op": "add", "path": "emails", "value": [work, home]})
        same(
            "added",
            [(e.value, bool(e.primary)) for e in read.emails],
            [("b@work.example", True), ("b@home.example", False)],
        )
        read = self.patch(user, babs, {"op": "add", "path": "emails", "value": [home]})
        same("added again", len(read.emails), 2)
        read = self.patch(user, babs, {"op": "replace", "path": 'emails[type eq "home"].primary', "value": True})
        same("one primary", [(e.type, bool(e.primary)) for e in read.emails], [("work", False), ("home", True)])
        read = self.patch(user, babs, {"op": "replace", "path": 'emails[type eq "work"].value', "value": "w@x.example"})
        same("one value", [e.value for e in read.emails], ["w@x.example", "b@home.example"])
        read = self.patch(user, babs, {"op": "remove", "path": 'emails[type eq "work"]'})
        same("one less", [e.type for e in read.emails], ["home"])
        read = self.patch(user, babs, {"op": "remove", "path": "emails"})
        same("none", read.emails, None)
        read = self.patch(user, babs, {"op": "add", "value": {"title": "Guide", "name": {"givenName": "Babs"}}})
        same("without a path", (read.title, read.name.given_name), ("Guide", "Babs"))
        read = self.patch(user, babs, {"op": "replace", "path": "name", "value": {"familyName": "Jensen"}})
        same("parts are merged", (read.name.given_name, read.name.family_name), ("Babs", "Jensen"))
        read = self.patch(
            user,
            babs,
            {"op": "replace", "path": ENTERPRISE + ":department", "value": "Tours"},
            {"op": "replace", "path": ENTERPRISE + ":manager", "value": {"value": self.kim}},
        )
        more = read[self.enterprise]
        same("the extension", (more.department, more.manager.value), ("Tours", self.kim))
        same("its schema is named", ENTERPRISE in read.schemas, True)
        read = self.patch(
            user,
            babs,
            {"op": "remove", "path": ENTERPRISE + ":department"},
            {"op": "remove", "path": ENTERPRISE + ":manager"},
        )
        same("the extension went", read[self.enterprise], None)
        read = self.patch(user, babs, {"op": "replace", "path": "active", "value": False})
        same("deactivated", read.active, False)
        same("still there", self.scim.query(user, babs).active, False)
        before = self.patch(user, babs, {"op": "replace", "path": "active", "value": True})
        after = self.patch(user, babs, {"op": "replace", "path": "active", "value": True})
        same("nothing changed, nothing changes", after.meta, before.meta)
        raw = {"check_request_payload": False, "url": f"/Users/{babs}"}

        def refused(name: str, operation: dict[str, Any], scim_type: str) -> None:
            body = {
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "replace", "path": "title", "value": "lost"}, operation],
            }
            self.check.refused(name, lambda: self.scim.modify(user, babs, body, **raw), 400, scim_type)

        refused("a removal of nothing", {"op": "remove"}, "noTarget")
        refused("no match", {"op": "replace", "path": 'emails[value co "x"].type', "value": "work"}, "noTarget")
        refused("a path that is none", {"op": "replace", "path": "emails[", "value": "x"}, "invalidPath")
        refused("read-only", {"op": "replace", "path": "id", "value": "x"}, "mutability")
        refused("a required attribute", {"op": "remove", "path": "userName"}, "mutability")
        refused("a value that does not fit", {"op": "replace", "path": "name", "value": 7}, "invalidValue")
        same("all or nothing", self.scim.query(user, babs).title, "Guide")
        self.check.refused(
            "a PATCH of nobody",
            lambda: self.patch(user, "nobody", {"op": "replace", "path": "active", "value": False}),
            404,
        )

    def versions(self) -> None:
        """RFC 7644 §3.14: the library sends If-Match and If-None-Match by itself when versions are announced."""
        same, user = self.check.same, self.user
        read = self.scim.query(user, self.kim)
        if not self.scim.provider.config.etag.supported:
            same("no version where none is announced", read.meta.version, None)
            return
        same("unchanged: the same object", self.scim.query(read) is read, True)
        changed = self.patch(user, self.kim, {"op": "replace", "path": "title", "value": "Driver"})
        same("another version", changed.meta.version != read.meta.version, True)
        again = self.scim.query(read)
        same("changed: another object", (again is read, again.title), (False, "Driver"))
        stale = {"op": "replace", "path": "title", "value": "Lost"}
        self.check.refused(
            "a PATCH of an old version",
            lambda: self.scim.modify(read, PatchOp[user](operations=[PatchOperation[user](**stale)])),
            412,
        )
        read.title = "Lost"
        self.check.refused("a PUT of an old version", lambda: self.scim.replace(read), 412)
        self.check.refused("a DELETE of an old version", lambda: self.scim.delete(read), 412)
        same("nothing was lost", self.scim.query(user, self.kim).title, "Driver")
