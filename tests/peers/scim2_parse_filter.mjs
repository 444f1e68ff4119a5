// Filters (RFC 7644 §3.4.2.2): what the appliance finds beside what `scim2-parse-filter` finds in the same users.
//
// The library parses the filter and tries it on every user that the appliance lists. It knows no schema, so both sides
// are folded for it first: text without case where /Schemas says "caseExact": false. And every value of a list is put
// below itself, as `self`: the library tries what is in brackets on the list as a whole, so that one value may have the
// type and another the address; §3.4.2.2 wants one value that has both.
//
// Left out, since the library and the RFC part there, or the RFC is silent:
// - `ne` on an attribute without a value: never true in the library, an interpretation here. With `pr` beside it both
//   agree.
// - `eq null`: the library knows no value that is null (RFC 7643 §2.5 makes null and absent one). and lists; §3.4.2.2
//   wants one matching value of many.
// - A core attribute with its schema before it (`urn:…:User:userName`, §3.10): the library looks for an attribute of
//   that name.
// - Escapes other than \": the library keeps the backslash, the grammar has JSON strings.
// - Times in another zone: the library compares text, RFC 7643 §2.3.5 has times.

import {filter as test, parse} from "scim2-parse-filter";
import {Chance, ENTERPRISE, USER, ask, done, finish, mark, same} from "./appliance.mjs";

const chance = new Chance();
const PEOPLE = 40;
const FILTERS = 500;

const FIRST = ["Barbara", "Kim", "Zoë", "Łukasz", "Mandy", "Ann-Marie", "O'Neil", "Émile"];
const LAST = ["Jensen", "Pepperidge", "van Dyck", "Müller", "JENSEN", 'Smith "Smitty" Jones'];
const TITLES = ["Tour Guide", "tour operator", "Vice President", "Engineer"];

function person(n) {
    const maybe = (name, value) => (chance.once(3) ? {} : {[name]: value});
    const first = chance.of(FIRST);
    const last = chance.of(LAST);
    const kinds = ["work", "home", "other"].slice(0, chance.below(4));
    const primary = chance.below(4);
    const enterprise = {
        ...maybe("department", chance.of(["Sales", "sales", "Tour Operations", "R&D"])),
        ...maybe("employeeNumber", String(100 + n)),
        ...maybe("manager", {value: `manager-${n % 3}`}),
    };
    return {
        schemas: [USER, ENTERPRISE],
        userName: `P${n}.${mark}@Example.com`,
        ...maybe("externalId", `${n % 2 ? "ext" : "EXT"}-${n % 5}-${mark}`),
        ...maybe("name", {givenName: first, ...maybe("familyName", last), ...maybe("formatted", `${first} ${last}`)}),
        ...maybe("displayName", `${first} ${last}`),
        ...maybe("title", chance.of(TITLES)),
        ...maybe("userType", chance.of(["Employee", "Contractor", "intern"])),
        ...maybe("nickName", first.slice(0, 3)),
        ...maybe("profileUrl", `https://example.com/${n % 2 ? "P" : "p"}/${n % 4}`),
        ...maybe("preferredLanguage", chance.of(["en-US", "de-DE"])),
        active: !chance.once(3),
        emails: kinds.map((type, i) => ({
            value: `${chance.of(["a", "B", "c"])}${n}@${chance.of(["example.com", "Example.org"])}`,
            ...maybe("type", type),
            ...maybe("display", `${first} at ${type}`),
            ...(i === primary ? {primary: true} : maybe("primary", false)),
        })),
        ...maybe("addresses", [
            {type: "work", locality: chance.of(["Hollywood", "Berlin"]), country: chance.of(["US", "DE"])},
        ]),
        ...(Object.keys(enterprise).length ? {[ENTERPRISE]: enterprise} : {}),
    };
}

/** What /Schemas says of each attribute: path in lower case → its description. */
async function attributes() {
    const known = new Map();
    for (const [id, before] of [
        [USER, ""],
        [ENTERPRISE, ENTERPRISE.toLowerCase() + ":"],
    ]) {
        const add = (list, prefix) =>
            list.forEach((a) => {
                known.set(prefix + a.name.toLowerCase(), a);
                add(a.subAttributes ?? [], prefix + a.name.toLowerCase() + ".");
            });
        add((await done("GET", `/Schemas/${id}`)).attributes, before);
    }
    return known;
}

const known = await attributes();
const foldable = (path) => known.get(path)?.type === "string" && known.get(path).caseExact === false;
const fold = (text) => text.normalize("NFC").toLowerCase();

const withSelf = (value) => (typeof value === "object" ? Object.assign(value, {self: value}) : value);

function foldResource(value, path = "") {
    if (typeof value === "string") return foldable(path) ? fold(value) : value;
    if (Array.isArray(value)) return value.map((v) => withSelf(foldResource(v, path)));
    if (typeof value !== "object" || value === null) return value;
    const inside = (name) => (path === "" || path.endsWith(":") ? path + name : `${path}.${name}`);
    return Object.fromEntries(
        Object.entries(value).map(([name, v]) => {
            const at = inside(name.toLowerCase());
            return [name, foldResource(v, name === ENTERPRISE ? at + ":" : at)];
        }),
    );
}

function foldFilter(f, before = "") {
    const path = f.attrPath === undefined ? undefined : before + f.attrPath.toLowerCase();
    if (f.filters) return {...f, filters: f.filters.map((p) => foldFilter(p, before))};
    if (f.op === "not") return {...f, filter: foldFilter(f.filter, before)};
    if (f.op === "[]") {
        return {...f, attrPath: f.attrPath + ".self", valFilter: foldFilter(f.valFilter, path + ".")};
    }
    return typeof f.compValue === "string" && foldable(path) ? {...f, compValue: fold(f.compValue)} : f;
}

// What random filters are made of: a path, and how its values are found in a user.
const TEXT = {
    userName: (u) => u.userName,
    externalId: (u) => u.externalId,
    id: (u) => u.id,
    displayName: (u) => u.displayName,
    title: (u) => u.title,
    userType: (u) => u.userType,
    nickName: (u) => u.nickName,
    profileUrl: (u) => u.profileUrl,
    preferredLanguage: (u) => u.preferredLanguage,
    "name.givenName": (u) => u.name?.givenName,
    "name.familyName": (u) => u.name?.familyName,
    "name.formatted": (u) => u.name?.formatted,
    "emails.value": (u) => u.emails?.[0]?.value,
    "emails.type": (u) => u.emails?.[0]?.type,
    "emails.display": (u) => u.emails?.[0]?.display,
    "addresses.locality": (u) => u.addresses?.[0]?.locality,
    "addresses.country": (u) => u.addresses?.[0]?.country,
    "meta.resourceType": (u) => u.meta.resourceType,
    [`${ENTERPRISE}:department`]: (u) => u[ENTERPRISE]?.department,
    [`${ENTERPRISE}:employeeNumber`]: (u) => u[ENTERPRISE]?.employeeNumber,
    [`${ENTERPRISE}:manager.value`]: (u) => u[ENTERPRISE]?.manager?.value,
};
const TIMES = {"meta.created": (u) => u.meta.created, "meta.lastModified": (u) => u.meta.lastModified};
const TRUTHS = ["active", "emails.primary"];
const WHOLE = ["name", "emails", "addresses", ...Object.keys(TEXT), ...TRUTHS];
const PARTS = {
    value: (u) => u.emails?.[0]?.value,
    type: (u) => u.emails?.[0]?.type,
    display: (u) => u.emails?.[0]?.display,
};

/** A value that somebody has, a piece of it, or one that nobody has; now and then in other letters. */
function piece(find, people) {
    const found = find(chance.of(people)) ?? chance.of(["nobody", "work", "e"]);
    const from = chance.once(2) ? 0 : chance.below(found.length);
    const text = chance.once(2) ? found : found.slice(from, from + 1 + chance.below(found.length));
    return chance.of([text, text, text.toUpperCase(), text.toLowerCase()]);
}

/** Names and operators are compared without case (RFC 7643 §2.1, RFC 7644 §3.4.2.2), schemas are left alone. */
function anyCase(word) {
    const from = word.startsWith("urn:") ? word.lastIndexOf(":") + 1 : 0;
    const tail = word.slice(from);
    return word.slice(0, from) + (chance.once(6) ? tail.toUpperCase() : tail);
}

function text(path, find, people) {
    const op = chance.of(["eq", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
    const compared = `${anyCase(path)} ${anyCase(op)} ${JSON.stringify(piece(find, people))}`;
    return op === "ne" ? `(${path} pr and ${compared})` : compared;
}

function leaf(people) {
    switch (chance.below(8)) {
        case 0:
            return `${anyCase(chance.of(WHOLE))} ${anyCase("pr")}`;
        case 1: {
            const path = chance.of(TRUTHS);
            const compared = `${anyCase(path)} ${chance.of(["eq", "ne"])} ${chance.of(["true", "false"])}`;
            return `(${path} pr and ${compared})`;
        }
        case 2: {
            const [path, find] = chance.of(Object.entries(TIMES));
            return `${anyCase(path)} ${chance.of(["eq", "ne", "gt", "ge", "lt", "le"])} "${find(chance.of(people))}"`;
        }
        case 3:
        case 4:
            return `${anyCase("emails")}[${inside(people, 2)}]`;
        default: {
            const [path, find] = chance.of(Object.entries(TEXT));
            return text(path, find, people);
        }
    }
}

function inside(people, depth) {
    if (depth > 0 && chance.once(2)) {
        return `${inside(people, depth - 1)} ${chance.of(["and", "or"])} ${inside(people, depth - 1)}`;
    }
    if (depth > 0 && chance.once(4)) return `not (${inside(people, depth - 1)})`;
    if (chance.once(4)) return chance.of(["primary eq true", "primary eq false", "display pr", "type pr"]);
    const [path, find] = chance.of(Object.entries(PARTS));
    return text(path, find, people);
}

function random(people, depth) {
    if (depth === 0 || chance.once(3)) return leaf(people);
    switch (chance.below(4)) {
        case 0:
            return `${anyCase("not")} (${random(people, depth - 1)})`;
        case 1:
            return `(${random(people, depth - 1)})`;
        default:
            return `${random(people, depth - 1)} ${anyCase(chance.of(["and", "or"]))} ${random(people, depth - 1)}`;
    }
}

// Examples of RFC 7644 §3.4.2.2, as far as our people have what they look for, and what precedence decides.
const EXAMPLES = [
    'userName eq "p1.MARK@example.com"',
    'name.familyName co "O\'Malley"',
    'userName sw "P"',
    "title pr",
    'meta.lastModified gt "2011-05-13T04:42:34Z"',
    'title pr and userType eq "Employee"',
    'title pr or userType eq "Intern"',
    'userType ne "Employee" and not (emails.value co "example.com" or emails.value co "example.org") and userType pr',
    'userType eq "Employee" and (emails.type eq "work")',
    'userType eq "Employee" and emails[type eq "work" and value co "@example.com"]',
    'emails[type eq "work" and value co "@example.com"] or addresses[country eq "DE" and locality eq "berlin"]',
    "active eq true or title pr and nickName pr",
    "title pr and nickName pr or active eq false",
    "not (active eq true) and title pr",
    "not (active eq true) or title pr and not (nickName pr)",
    "((title pr))",
    'displayName co "\\"Smitty\\""',
];

const path = (f, more = "") => `/Users?count=1000&filter=${encodeURIComponent(f)}${more}`;
const ids = (list) => list.map((u) => u.id).sort();

const made = [];
for (let n = 0; n < PEOPLE; n++) made.push(await done("POST", "/Users", person(n)));
const listed = (await done("GET", "/Users?count=1000")).Resources;
same(
    "everybody is listed",
    made.every((m) => listed.some((u) => u.id === m.id)),
    true,
);
const folded = listed.map((u) => foldResource(u));

let decided = 0;
const filters = [...EXAMPLES, ...Array.from({length: FILTERS}, () => random(made, 3))];
for (const written of filters) {
    const f = written.replaceAll("MARK", mark);
    const wanted = ids(folded.filter(test(foldFilter(parse(f)))));
    const answer = await ask("GET", path(f));
    same(`${f} is answered`, answer.status, 200);
    if (answer.status !== 200) continue;
    same(f, ids(answer.body.Resources ?? []), wanted);
    same(`${f}: totalResults`, answer.body.totalResults, wanted.length);
    if (wanted.length > 0 && wanted.length < listed.length) decided++;
}
// A test that finds nobody or everybody each time would prove nothing.
same("most filters find some and leave some", decided > filters.length / 3, true);

// What the library cannot parse is no filter here either.
for (const f of [
    "userName",
    "userName eq",
    'userName eq "x" and',
    "(title pr",
    "title pr)",
    'userName == "x"',
    "eq",
    "not title pr x",
    'userName eq "x',
    'emails[type eq "work"',
]) {
    let parsed = true;
    try {
        parse(f);
    } catch {
        parsed = false;
    }
    if (parsed) continue;
    const answer = await ask("GET", path(f));
    same(`${f} is refused`, [answer.status, answer.body?.scimType], [400, "invalidFilter"]);
}

for (const {id} of made) same("deleted", (await ask("DELETE", `/Users/${id}`)).status, 204);
finish("scim2-parse-filter", 1500);
