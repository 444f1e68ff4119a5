// What the appliance answers, in the hands of `SCIMMY`: its schemas read our resources, its messages are built for our
// requests and read our answers, its sorting is held beside ours, its PATCH beside ours.
//
// Left out, since the library and the RFC part there, or the library knows less:
// - PATCH to a value path that finds nothing: 400 noTarget in the library; one that describes a value creates it here
//   (as Entra needs it). A filter that describes none is refused by both.
// - `value` compared in a path (`emails[value co "x"].type`): never true in the library's PATCH.
// - Adding a value that a list has already: the library adds it again, §3.5.2.1 of RFC 7644 does not.
// - `replace` of a list without a path, of a whole value by its filter, and "primary" set on a second value: the
//   library writes them as they are, §3.5.2 has rules for each.
// - Only parts of complex attributes asked for (`attributes=emails.value`): the library returns the extension as a
//   whole besides, §3.9 only what was asked for. With a plain attribute beside it both agree.
// - Removing in the extension: the library keeps an empty one, RFC 7643 §2.5 knows no empty values.
// - Types of roles: RFC 7643 §8.7.1 lists no canonical values for them, by which the library means that none is
//   allowed.
// - Sorting text with signs in it: the library sorts as the locale does, RFC 7644 §3.4.2.3 leaves the order open.

import SCIMMY from "scimmy";
import {ENTERPRISE, PATCH_OP, USER, ask, done, finish, mark, same} from "./appliance.mjs";

const {User, Group, EnterpriseUser} = SCIMMY.Schemas;
const {ErrorResponse, ListResponse, PatchOp, SearchRequest} = SCIMMY.Messages;
User.extend(EnterpriseUser);

const plain = (value) => JSON.parse(JSON.stringify(value));

/** Without what only one of the two writes: values that are unassigned, and the location, which the library guesses. */
function bare(resource) {
    const {meta: _meta, ...rest} = plain(resource);
    return rest;
}

/** The resource as the library's schema reads it: it throws on what it does not allow, drops what it does not know. */
const read = (schema, resource) => bare(new schema(structuredClone(resource), "out"));

const people = [];
for (let n = 0; n < 12; n++) {
    const name = `${"mnbvcxasdfgh"[n]}${n % 2 ? "K" : "k"}${n}`;
    people.push(
        await done("POST", "/Users", {
            schemas: [USER, ENTERPRISE],
            userName: `${n % 2 ? "S" : "s"}${name}x${mark}`,
            externalId: `s-${n}-${mark}`,
            name: {familyName: name, givenName: `G${11 - n}`, formatted: `G ${name}`},
            ...(n % 3 ? {displayName: `D${(n * 7) % 12}`} : {}),
            ...(n % 4 ? {title: `t${(n * 5) % 12}`} : {}),
            active: n % 5 !== 0,
            emails: [
                {value: `b${10 + ((n * 5) % 12)}@example.com`, type: "home"},
                {value: `a${10 + ((n * 7) % 12)}@example.com`, type: "work", ...(n % 2 ? {primary: true} : {})},
            ],
            addresses: [{type: "work", streetAddress: "1 Way", locality: "Here", postalCode: "1", country: "US"}],
            roles: [{value: `role${n}`, display: "Role"}],
            x509Certificates: [{value: "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVM="}],
            [ENTERPRISE]: {employeeNumber: `e${n}`, department: `Dep${n % 3}`, manager: {value: `m${n}`}},
        }),
    );
}
const group = await done("POST", "/Groups", {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    displayName: `SCIMMY ${mark}`,
    members: people.slice(0, 3).map((p) => ({value: p.id, type: "User"})),
});

// Resources through the library's schemas: nothing is refused, nothing is lost, nothing is different.
for (const {id} of people) {
    const user = await done("GET", `/Users/${id}`);
    same(`user ${id}`, read(User, user), bare(user));
}
same("group", read(Group, await done("GET", `/Groups/${group.id}`)), bare(await done("GET", `/Groups/${group.id}`)));

// Lists, and the order that the library puts the same users into (RFC 7644 §3.4.2.3).
const ours = `externalId ew "${mark}" and externalId sw "s-"`;
const search = (request) => done("POST", "/Users/.search", new SearchRequest().prepare({filter: ours, ...request}));
const everybody = await search({});
const list = new ListResponse(everybody);
same("list", [list.totalResults, list.startIndex, list.Resources.length], [12, 1, 12]);
// Values are folded first, since the library knows no "caseExact"; the dates stay as they are.
const folded = (list) =>
    list.map((u) =>
        JSON.parse(JSON.stringify(u, (k, v) => (typeof v === "string" && k !== "id" ? v.toLowerCase() : v))),
    );
const first = (u, path) =>
    path.split(".").reduce((v, p) => {
        const value = v?.[p];
        return Array.isArray(value) ? (value.find((e) => e.primary) ?? value[0]).value : value;
    }, u);
for (const sortBy of [
    "userName",
    "name.familyName",
    "name.givenName",
    "displayName",
    "title",
    "emails",
    "externalId",
]) {
    for (const sortOrder of ["ascending", "descending"]) {
        const wanted = new ListResponse(folded(everybody.Resources), {sortBy, sortOrder, itemsPerPage: 100});
        const answer = await search({sortBy, sortOrder});
        const keys = (list) => list.map((u) => first(u, sortBy)?.toLowerCase());
        same(`sorted by ${sortBy}, ${sortOrder}`, keys(answer.Resources), keys(wanted.Resources));
    }
}
const sorted = (await search({sortBy: "userName"})).Resources.map((u) => u.id);
for (const [startIndex, count] of [
    [1, 5],
    [4, 4],
    [9, 10],
    [12, 1],
]) {
    const answer = await search({sortBy: "userName", startIndex, count});
    // The library cuts a page that it reads once more, so only the counts come from it.
    const page = new ListResponse(answer);
    same(
        `page ${startIndex} ${count}`,
        answer.Resources.map((u) => u.id),
        sorted.slice(startIndex - 1, startIndex - 1 + count),
    );
    same(`page ${startIndex} ${count}: counts`, [page.totalResults, page.startIndex], [12, startIndex]);
}

// Only what was asked for (RFC 7644 §3.9): the library's presence filters pick from the whole user.
const {Filter} = SCIMMY.Types;
const one = await done("GET", `/Users/${people[1].id}`);
for (const attributes of [
    ["userName"],
    ["name"],
    ["name.givenName", "title"],
    ["emails.value", "title"],
    ["emails", "active"],
    [`${ENTERPRISE}:department`, "userName"],
    ["addresses.locality", "addresses.country", "displayName"],
]) {
    const wanted = User.definition.coerce(
        structuredClone(one),
        "out",
        undefined,
        new Filter(attributes.map((a) => `${a} pr`).join(" and ")),
    );
    const answer = await done("GET", `/Users/${one.id}?attributes=${encodeURIComponent(attributes.join(","))}`);
    // "id" and "schemas" are returned always; the library writes "meta" besides.
    const {schemas: _s, id, ...rest} = bare(answer);
    const {schemas: _t, id: _i, ...picked} = bare(wanted);
    same(`only ${attributes}`, [id, rest], [one.id, picked]);
    same(`only ${attributes}: no meta`, answer.meta, undefined);
}

// Errors: the library refuses a status and a scimType that do not belong together (RFC 7644 §3.12, table 9).
const errors = [
    ["GET", "/Users/nobody", undefined, 404],
    ["GET", "/Nothing", undefined, 404],
    ["POST", "/Users", {schemas: [USER], userName: people[0].userName.toUpperCase()}, 409, "uniqueness"],
    ["POST", "/Users", {schemas: [USER]}, 400, "invalidValue"],
    ["POST", "/Users", [], 400, "invalidSyntax"],
    ["GET", "/Users?filter=nothing%20eq%201", undefined, 400, "invalidFilter"],
    [
        "PATCH",
        `/Users/${people[0].id}`,
        {schemas: [PATCH_OP], Operations: [{op: "replace", path: "id", value: "x"}]},
        400,
        "mutability",
    ],
    ["PATCH", `/Users/${people[0].id}`, {schemas: [PATCH_OP], Operations: [{op: "remove"}]}, 400, "noTarget"],
    [
        "PATCH",
        `/Users/${people[0].id}`,
        {schemas: [PATCH_OP], Operations: [{op: "add", path: "a[", value: 1}]},
        400,
        "invalidPath",
    ],
];
for (const [method, path, body, status, scimType] of errors) {
    const answer = await ask(method, path, body);
    const told = `${method} ${path} ${JSON.stringify(body)}`;
    same(told, [answer.status, answer.body?.status, answer.body?.scimType], [status, String(status), scimType]);
    try {
        new ErrorResponse(answer.body);
        same(`${told} is an Error message`, false, true);
    } catch (thrown) {
        same(
            `${told} is read`,
            [thrown.constructor, thrown.status, thrown.scimType ?? undefined],
            [SCIMMY.Types.Error, String(status), scimType],
        );
    }
    const {schemas: _, ...rest} = answer.body;
    same(`${told}: the codes belong together`, plain(new ErrorResponse(rest)).scimType, scimType);
}

// PATCH, with a message that the library has checked, applied by the library to the same user.
const E = (attribute) => `${ENTERPRISE}:${attribute}`;
const patches = {
    "add a value": [{op: "add", path: "nickName", value: "Nick"}],
    "add without a path": [{op: "add", value: {nickName: "Nick", userType: "Employee"}}],
    "add parts without a path": [{op: "add", value: {name: {middleName: "M"}}}],
    "add parts": [{op: "add", path: "name", value: {middleName: "M", givenName: "Given"}}],
    "add to a list": [{op: "add", path: "emails", value: [{value: "new@example.com", type: "other"}]}],
    "add one to a list": [{op: "add", path: "emails", value: {value: "new@example.com", type: "other"}}],
    "add a list": [{op: "add", path: "phoneNumbers", value: [{value: "+1-201-555-0123", type: "work"}]}],
    "add a part by filter": [{op: "add", path: 'emails[type eq "home"].display', value: "At home"}],
    "add in the extension": [{op: "add", path: E("costCenter"), value: "4130"}],
    "replace a value": [{op: "replace", path: "userType", value: "Employee"}],
    "replace without a path": [{op: "replace", value: {userType: "Employee", active: false}}],
    "replace a part": [{op: "replace", path: "name.familyName", value: "Other"}],
    "replace a list": [
        {op: "replace", path: "emails", value: [{value: "only@example.com", type: "work", primary: true}]},
    ],
    "replace a part by filter": [{op: "replace", path: 'emails[type eq "work"].value', value: "w@example.com"}],
    "replace by two terms": [
        {op: "replace", path: 'emails[type eq "work" and primary eq true].value', value: "w@example.com"},
    ],
    "replace in the extension": [{op: "replace", path: E("department"), value: "Sales"}],
    "no match": [{op: "replace", path: 'emails[type sw "nobody"].type', value: "work"}],
    "remove a value": [{op: "remove", path: "title"}],
    "remove a part": [{op: "remove", path: "name.formatted"}],
    "remove a list": [{op: "remove", path: "emails"}],
    "remove one of a list": [{op: "remove", path: 'emails[type eq "home"]'}],
    "remove what is not there": [
        {op: "remove", path: "nickName"},
        {op: "replace", path: "userType", value: "Employee"},
    ],
    "one after the other": [
        {op: "Add", path: "emails", value: [{value: "new@example.com", type: "other"}]},
        {op: "Replace", path: 'emails[type eq "other"].display', value: "New"},
        {op: "Remove", path: 'emails[type eq "work"]'},
    ],
    "all or nothing": [
        {op: "replace", path: "userType", value: "lost"},
        {op: "add", path: 'emails[type sw "nobody"].type', value: "work"},
    ],
    "an unknown path": [{op: "replace", path: "nothing", value: "x"}],
};
const patched = people[1];
for (const [name, operations] of Object.entries(patches)) {
    const before = await done("PUT", `/Users/${patched.id}`, patched);
    const message = new PatchOp({schemas: [PATCH_OP], Operations: structuredClone(operations)});
    const body = plain(message);
    let wanted;
    let refusal;
    try {
        wanted = await message.apply(new User(structuredClone(before), "both"));
    } catch (thrown) {
        if (!(thrown instanceof SCIMMY.Types.Error)) throw thrown;
        refusal = thrown;
    }
    const answer = await ask("PATCH", `/Users/${patched.id}`, body);
    const after = await done("GET", `/Users/${patched.id}`);
    if (refusal) {
        same(`${name}: refused`, [answer.status, answer.body.scimType], [400, refusal.scimType]);
        same(`${name}: nothing changed`, after, before);
    } else {
        same(name, bare(after), bare(wanted));
        same(`${name}: GET is what PATCH answered`, answer.body, after);
    }
}

same("the group goes", (await ask("DELETE", `/Groups/${group.id}`)).status, 204);
for (const {id} of people) same("deleted", (await ask("DELETE", `/Users/${id}`)).status, 204);
finish("scimmy", 130);
