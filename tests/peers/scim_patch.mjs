// PATCH (RFC 7644 §3.5.2): what the appliance makes of a user beside what `scim-patch` makes of the same JSON.
//
// Left out, since the library and the RFC part there:
// - `"primary": true` added beside another primary value: §3.5.2 lets the others lose theirs, the library keeps both.
// - A complex attribute in a value without a path: each name is a target (§3.5.2.1, §3.5.2.3) whose parts are merged;
//   the library puts the new object in the place of the old one.
// - The same values of a list without a path: §3.5.2.1 adds no value twice; the library does, without a path.
// - One value, not in a list, for a list that is not there yet: the library makes the attribute a single value.
// - Attribute names in other letters, and text compared in a path: RFC 7643 §2.1 and "caseExact" say without case.
// - A part of all values (`emails.type`): the library puts the part on the list instead of into each value.
// - `replace` of the values that a filter finds: §3.5.2.3 replaces them, the library merges into them. With every part
//   in the value both agree.
// - A removal whose filter finds nothing: the library throws when a part comes after the filter; §3.5.2.2 knows no
//   error.
// - `add` of a whole value by a filter that finds nothing: the library does nothing and says so to nobody; 400 noTarget
//   here.
// - `replace` by a filter of several equalities that finds nothing: 400 noTarget in the library, created here as for
//   one equality (Entra needs it), which the library does too.
// - Read-only, immutable and required attributes, types of values: the library knows no schema.

import {scimPatch} from "scim-patch";
import {Chance, ENTERPRISE, PATCH_OP, USER, ask, done, finish, mark, same} from "./appliance.mjs";

const chance = new Chance();
const REQUESTS = 400;

const START = {
    schemas: [USER, ENTERPRISE],
    userName: `Patched.${mark}@example.com`,
    externalId: `patched-${mark}`,
    name: {givenName: "Barbara", familyName: "Jensen", formatted: "Ms. Barbara J Jensen, III"},
    displayName: "Babs Jensen",
    title: "Tour Guide",
    active: true,
    emails: [
        {value: "bjensen@example.com", display: "At work", type: "work", primary: true},
        {value: "babs@jensen.example", type: "home"},
        {value: "b@second.example", type: "home", display: "Second"},
    ],
    phoneNumbers: [{value: "tel:+1-201-555-0123", type: "mobile"}],
    addresses: [{type: "work", locality: "Hollywood", country: "US", streetAddress: "100 Universal City Plaza"}],
    [ENTERPRISE]: {employeeNumber: "701984", department: "Tour Operations", manager: {value: "26118915"}},
};

/** Without what the server writes by itself, and without what is unassigned (RFC 7643 §2.5). */
function bare(user) {
    const {meta: _meta, schemas: _schemas, ...rest} = user;
    return settled(rest);
}

function settled(value) {
    if (Array.isArray(value)) return value.map(settled).filter((v) => v !== undefined);
    if (typeof value !== "object" || value === null) return value;
    const parts = Object.entries(value).map(([n, v]) => [n, settled(v)]);
    return Object.fromEntries(
        parts.filter(([, v]) => v !== undefined && v !== null && !(typeof v === "object" && !Object.keys(v).length)),
    );
}

/** What the library makes of it: {user} or {scimType}. */
function local(user, operations) {
    try {
        return {
            user: scimPatch(structuredClone(user), structuredClone(operations), {
                mutateDocument: true,
                treatMissingAsAdd: true,
            }),
        };
    } catch (refusal) {
        if (refusal?.scimCode === undefined) throw refusal;
        return {scimType: refusal.scimCode};
    }
}

/** One PATCH on both sides; answers the user as it then is. */
async function both(name, user, operations) {
    const wanted = local(user, operations);
    const answer = await ask("PATCH", `/Users/${user.id}`, {schemas: [PATCH_OP], Operations: operations});
    const told = `${name} ${JSON.stringify(operations)}`;
    const after = await done("GET", `/Users/${user.id}`);
    if (wanted.user === undefined) {
        same(`${told}: refused`, [answer.status, answer.body?.scimType], [400, wanted.scimType]);
        same(`${told}: nothing changed`, after, user);
        return after;
    }
    same(`${told}: status`, answer.status, 200);
    same(`${told}: what GET says is what PATCH answered`, after, answer.body);
    same(told, bare(after), bare(wanted.user));
    same(`${told}: schemas`, after.schemas, after[ENTERPRISE] ? [USER, ENTERPRISE] : [USER]);
    return after;
}

const E = (attribute) => `${ENTERPRISE}:${attribute}`;
const add = (path, value) => ({op: "add", ...(path === undefined ? {} : {path}), value});
const replace = (path, value) => ({op: "replace", ...(path === undefined ? {} : {path}), value});
const remove = (path) => ({op: "remove", path});
const OTHER = {value: "other@example.com", type: "other", display: "Other"};

// Each begins with the user above.
const CASES = {
    "add a single value": [add("nickName", "Babs")],
    "add over a single value": [add("title", "Vice President")],
    "add without a path": [add(undefined, {nickName: "Babs", title: "Vice President", active: false})],
    "add to a list": [add("emails", [OTHER])],
    "add one value, not in a list": [add("emails", OTHER)],
    "add what is there": [add("emails", [START.emails[1]])],
    "add some that are there": [add("emails", [START.emails[2], OTHER])],
    "add a list that was not there": [add("ims", [{value: "babs", type: "xmpp"}])],
    "add a list without a path": [
        add(undefined, {photos: [{value: "https://photos.example.com/babs", type: "photo"}]}),
    ],
    "add parts": [add("name", {middleName: "Jane", givenName: "Babs"})],
    "add one part": [add("name.honorificPrefix", "Ms.")],
    "add a part by filter": [add('emails[type eq "work"].display', "Desk")],
    "add a part to several": [add('emails[type eq "home"].display', "At home")],
    "add parts by filter": [add('addresses[type eq "work"]', {region: "CA", postalCode: "91608"})],
    "add by filter what is not there": [add('emails[type eq "other"].value', "new@example.com")],
    "add by filter to an empty list": [add('ims[type eq "xmpp"].value', "babs")],
    "add to the extension": [add(E("costCenter"), "4130")],
    "add to the extension without a path": [add(undefined, {[E("costCenter")]: "4130", [E("division")]: "Theme Park"})],
    "add a part of the extension": [add(E("manager.value"), "other")],
    "replace a single value": [replace("displayName", "Barbara Jensen")],
    "replace what is not there": [replace("nickName", "Babs")],
    "replace without a path": [replace(undefined, {displayName: "Barbara", active: false, title: "Driver"})],
    "replace a truth": [replace("active", false)],
    "replace a list": [replace("emails", [OTHER])],
    "replace a list without a path": [replace(undefined, {emails: [OTHER, START.emails[1]]})],
    "replace parts, keep others": [replace("name", {givenName: "Babs"})],
    "replace one part": [replace("name.familyName", "Smith")],
    "replace a part by filter": [replace('emails[type eq "work"].value', "new@example.com")],
    "replace a part of several": [replace('emails[type eq "home"].display', "Home")],
    "replace by a filter of two terms": [
        replace('emails[type eq "home" and value eq "b@second.example"].type', "other"),
    ],
    "replace by a filter with or": [replace('emails[type eq "work" or display pr].display', "Both")],
    "replace by a filter with not": [replace('emails[not (type eq "work")].display', "Not at work")],
    "replace by co": [replace('emails[value co "jensen.example"].type', "other")],
    "replace by sw": [replace('emails[value sw "b@"].type', "other")],
    "replace by a truth": [replace("emails[primary eq true].display", "First")],
    "replace a whole value by filter": [
        replace('emails[type eq "work"]', {value: "n@example.com", display: "New", type: "work", primary: true}),
    ],
    "replace by filter what is not there": [replace('emails[type eq "other"].value', "new@example.com")],
    "replace by a filter that describes nothing": [replace('emails[value co "nobody"].type', "work")],
    "replace a whole value by such a filter": [replace('emails[value co "nobody"]', {value: "x@example.com"})],
    "replace in the extension": [replace(E("department"), "Sales")],
    "replace the manager": [replace(E("manager"), {value: "other"})],
    "replace in the extension without a path": [replace(undefined, {[E("department")]: "Sales"})],
    "remove a single value": [remove("title")],
    "remove what is not there": [remove("nickName")],
    "remove a part": [remove("name.formatted")],
    "remove a part that is not there": [remove("name.middleName")],
    "remove a complex attribute": [remove("name")],
    "remove a list": [remove("emails")],
    "remove one value": [remove('emails[type eq "work"]')],
    "remove several values": [remove('emails[type eq "home"]')],
    "remove all values by filter": [remove('phoneNumbers[type eq "mobile"]')],
    "remove no value": [remove('emails[type eq "other"]')],
    "remove a part by filter": [remove('emails[value eq "b@second.example"].display')],
    "remove in the extension": [remove(E("department"))],
    "remove the manager": [remove(E("manager"))],
    "remove the extension by its attributes": [
        remove(E("department")),
        remove(E("manager")),
        remove(E("employeeNumber")),
    ],
    "one after the other": [
        add("emails", [OTHER]),
        replace('emails[type eq "other"].display', "Found"),
        remove('emails[type eq "work"]'),
    ],
    "remove and add": [remove("emails"), add("emails", [OTHER])],
    "add and remove": [add("nickName", "Babs"), remove("nickName")],
    "the last word counts": [replace("title", "One"), replace("title", "Two")],
    "core attribute with its schema": [replace(`${USER}:title`, "Driver"), replace(`${USER}:name.familyName`, "Smith")],
    "all or nothing": [replace("title", "Lost"), replace('emails[value co "nobody"].type', "work")],
    "a removal without a path": [{op: "remove"}],
    "a removal without a path, at the end": [replace("title", "Lost"), {op: "remove"}],
    "Op in capitals": [
        {op: "Replace", path: "title", value: "Driver"},
        {op: "Add", path: "nickName", value: "B"},
        {op: "Remove", path: "name"},
    ],
};

let {id} = await done("POST", "/Users", START);
const begin = () => done("PUT", `/Users/${id}`, START);

for (const [name, operations] of Object.entries(CASES)) await both(name, await begin(), operations);

let fresh = 0;
const word = () => chance.of(["Tours", "Sales", "Babs", "Zoë", "a b", "7", 'O\'Neil "Smitty"']);
const KINDS = ["work", "home", "other"];
const email = () => ({
    value: `n${fresh++}@example.com`,
    ...(chance.once(2) ? {type: chance.of(KINDS)} : {}),
    ...(chance.once(2) ? {display: word()} : {}),
    ...(chance.once(4) ? {primary: false} : {}),
});
const SINGLE = [
    "title",
    "nickName",
    "displayName",
    "userType",
    "preferredLanguage",
    "locale",
    E("department"),
    E("costCenter"),
    E("division"),
    E("manager.value"),
];
const PARTS = ["givenName", "familyName", "middleName", "formatted"];
const value = (path) => (path === "preferredLanguage" || path === "locale" ? chance.of(["en-US", "de-DE"]) : word());

/** A filter that finds a value of this user; the library compares letter by letter. */
function filter(user) {
    const one = chance.of(user.emails);
    const terms = [];
    const {value: v} = one;
    if (v !== undefined) terms.push(`value eq "${v}"`, `value sw "${v.slice(0, 2)}"`, `value co "${v.slice(1, 5)}"`);
    if (one.type !== undefined) terms.push(`type eq "${one.type}"`, `type eq "${one.type}" and type pr`);
    if (one.primary !== undefined) terms.push(`primary eq ${one.primary}`);
    return chance.of(terms);
}

/** A random operation on the user as it is at that moment. */
function operation(user) {
    const verb = chance.of([add, replace]);
    switch (chance.below(user.emails ? 12 : 7)) {
        case 0:
        case 1: {
            const path = chance.of(SINGLE);
            return chance.once(3) ? remove(path) : verb(path, value(path));
        }
        case 2: {
            const path = `name.${chance.of(PARTS)}`;
            return chance.once(3) ? remove(path) : verb(path, word());
        }
        case 3:
            return verb(
                "name",
                Object.fromEntries(
                    PARTS.filter(() => chance.once(2))
                        .concat("familyName")
                        .map((p) => [p, word()]),
                ),
            );
        case 4:
            return verb(undefined, {
                title: word(),
                ...(chance.once(2) ? {[E("department")]: word()} : {active: chance.once(2)}),
            });
        case 5:
            return add(
                "emails",
                user.emails && chance.once(2) ? email() : [email(), email(), ...(user.emails ?? []).slice(0, 1)],
            );
        case 6:
            return chance.once(4)
                ? remove(chance.of(["emails", "name", E("manager")]))
                : replace("emails", [email(), email(), {...email(), primary: true}]);
        case 7:
        case 8:
            return verb(`emails[${filter(user)}].${chance.of(["display", "display", "type"])}`, chance.of(KINDS));
        case 9:
            return remove(`emails[${filter(user)}]${chance.once(2) ? ".display" : ""}`);
        case 10:
            return add(`emails[${filter(user)}]`, {display: word()});
        default:
            return chance.once(3)
                ? replace(`emails[value co "nobody"].type`, "work")
                : verb(`emails[type eq "${word().replaceAll('"', "")}"].display`, word());
    }
}

let user = await begin();
for (let n = 0; n < REQUESTS; n++) {
    if (n % 20 === 0) user = await begin();
    const operations = [];
    // Each operation is made for the user that the ones before it leave.
    for (let imagined = user, k = 1 + chance.below(4); k > 0; k--) {
        operations.push(operation(bare(imagined)));
        imagined = local(imagined, operations.slice(-1)).user ?? imagined;
    }
    user = await both(`random ${n}`, user, operations);
}

same("deleted", (await ask("DELETE", `/Users/${id}`)).status, 204);
finish("scim-patch", 1500);
