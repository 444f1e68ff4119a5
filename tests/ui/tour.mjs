// Every page and every state of it, in turn: what axe finds in light and dark, reflow, text spacing, forced colours,
// sizes of targets, titles, forms, weight. And a picture of each in light, in dark and on a telephone.

import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {join} from "node:path";
import {choose, CONFIG, Provider, setUp} from "./provider.mjs";
import {assert, heading, NAME, OKTA, PASSWORD, send, SET_UP, signIn, steadyTime, test, totp, unchecked} from "./harness.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const MOST_BYTES = 150 * 1024;

/** Title → page, of all tours. */
const titles = new Map();

/** What axe finds. It is evaluated from outside, so that the page's policy need not allow it. */
async function inspect(page) {
    return page.evaluate(async (tags) => {
        const {violations} = await globalThis.axe.run(document, {runOnly: tags, resultTypes: ["violations"]});
        return violations.map(({id, nodes}) => `${id}: ${nodes.map((node) => node.html.slice(0, 150)).slice(0, 2).join(" | ")}`);
    }, TAGS);
}

/** What stands beyond the right edge, or is cut off. */
const overflowing = (page) =>
    page.evaluate(() => {
        const width = document.documentElement.clientWidth;
        const found = [];
        if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
        for (const element of document.querySelectorAll("body *")) {
            // Tables scroll in a region of their own, which has a name and takes the focus.
            if (element.closest(".sr-only, .skip, svg, [hidden]") || element.parentElement.closest(".table-scroll")) continue;
            const style = getComputedStyle(element);
            if (element.getBoundingClientRect().right > width + 1) found.push(element.outerHTML.slice(0, 100));
            const cut = element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1;
            if (cut && style.overflow === "hidden") found.push(`cut off: ${element.outerHTML.slice(0, 100)}`);
        }
        return found.slice(0, 3);
    });

/** Things to press that are smaller than 24 pixels, but for links in running text (WCAG 2.5.8). */
const small = (page) =>
    page.evaluate(() => {
        const found = [];
        for (const element of document.querySelectorAll("a, button, input, select, summary")) {
            const box = element.getBoundingClientRect();
            if (!box.width || element.closest(".sr-only, p, dd, td, th, li > span") || /checkbox|radio/.test(element.type)) continue;
            if (box.height < 24 || box.width < 24) found.push(`${Math.round(box.width)}x${Math.round(box.height)} ${element.outerHTML.slice(0, 90)}`);
        }
        return found;
    });

class Tour {
    constructor(t, page) {
        this.t = t;
        this.page = page;
        this.found = [];
        this.stops = 0;
    }

    find(name, what, list) {
        for (const one of list) this.found.push(`${name}, ${what}: ${one}`);
    }

    async goto(path) {
        await this.page.goto(this.t.url(path));
    }

    /** Looks at the page that is open. A name is that of the page, and behind a colon that of its state. */
    async see(name) {
        const {page} = this;
        this.stops++;
        const [family] = name.split(":");
        const file = (look) => join(this.t.pictures, `${name.replace(/\W+/g, "-")}-${look}.png`);
        const title = await page.title();
        if ((titles.get(title) ?? family) !== family) this.find(name, "title", [`${title} is that of ${titles.get(title)}`]);
        titles.set(title, family);
        this.find(name, "form", await page.evaluate(() =>
            [...document.forms]
                .filter((form) => form.method === "post" && !/^[0-9a-f]{32,}$/.test(new FormData(form).get("csrf")))
                .map((form) => form.outerHTML.slice(0, 80))));
        this.find(name, "ids", await page.evaluate(() => {
            const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
            const lost = [...document.querySelectorAll("[aria-describedby], [aria-labelledby], a[href^='#']")].flatMap((element) =>
                [element.getAttribute("aria-describedby"), element.getAttribute("aria-labelledby"), element.matches("a") ? element.hash.slice(1) : ""]
                    .join(" ").split(/\s+/).filter((id) => id && !document.getElementById(id)));
            return [...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `twice: ${id}`), ...lost.map((id) => `nowhere: ${id}`)];
        }));
        await page.evaluate(() => document.activeElement?.matches("[data-focus]") || scrollTo(0, 0));
        await page.screenshot({path: file("light"), fullPage: true});
        await page.evaluate(axe);
        this.find(name, "axe in light", await inspect(page));
        await page.emulateMedia({colorScheme: "dark"});
        await page.screenshot({path: file("dark"), fullPage: true});
        this.find(name, "axe in dark", await inspect(page));
        await page.emulateMedia({colorScheme: "light"});
        await page.setViewportSize({width: 390, height: 800});
        await page.screenshot({path: file("phone"), fullPage: true});
        this.find(name, "small", await small(page));
        this.find(name, "axe on a telephone", await inspect(page));
        await page.setViewportSize({width: 1280, height: 860});
        await page.emulateMedia({forcedColors: "active"});
        this.find(name, "forced colours", await page.evaluate(() =>
            [...document.querySelectorAll(".btn:not(.btn-quiet), input:not([type=hidden])")]
                .filter((element) => element.getBoundingClientRect().width && getComputedStyle(element).borderTopStyle === "none" && !/checkbox|radio/.test(element.type))
                .map((element) => element.outerHTML.slice(0, 80))));
        if (["overview", "provisioning", "people"].includes(name)) await page.screenshot({path: file("forced"), fullPage: true});
        await page.emulateMedia({colorScheme: "light", forcedColors: "none"});

        await page.setViewportSize({width: 320, height: 640});
        this.find(name, "320 pixels", await overflowing(page));
        // WCAG 1.4.12, set as no page's policy can forbid.
        await page.evaluate(() => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }");
            document.adoptedStyleSheets = [sheet];
        });
        this.find(name, "text spacing at 320 pixels", await overflowing(page));
        await page.setViewportSize({width: 1280, height: 860});
        this.find(name, "text spacing", await overflowing(page));
        await page.evaluate(() => (document.adoptedStyleSheets = []));
    }

    /** The verdict. */
    end(least) {
        assert.deepEqual(this.found, []);
        assert.equal(this.stops, least);
    }
}

test("tour: what is wrong would be found", async (t) => {
    await t.appliance((app) => app.admin());
    const tour = new Tour(t, await t.signedIn());
    await tour.page.locator("main").evaluate((main) => {
        main.append(document.createElement("img"), document.createElement("form"));
        main.querySelector("form").method = "post";
        const wide = document.createElement("button");
        wide.id = "main";
        wide.className = "btn";
        for (const [name, value] of [["width", "700px"], ["height", "20px"], ["min-height", "0"], ["color", "#bbb"]]) wide.style[name] = value;
        main.append(wide);
        document.title = "Provisioning · scim-appliance";
    });
    titles.set("Provisioning · scim-appliance", "another page");
    await tour.see("what is wrong");
    titles.delete("Provisioning · scim-appliance");
    const found = tour.found.join("\n");
    for (const what of [", title:", ", form:", ", ids: twice: main", "light: image-alt", "dark: button-name", ", small: 700x20", ", 320 pixels:", ", text spacing at 320"]) {
        assert(found.includes(what), `${what} in\n${found}`);
    }
});

test("tour: set-up, sign-in, and what goes wrong there", async (t) => {
    const app = await t.appliance();
    const tour = new Tour(t, await t.page());
    const {page} = tour;
    const claim = page.getByRole("button", {name: "Create the first administrator"});
    await tour.goto("/setup");
    await tour.see("setup");
    await page.getByLabel("Your name").fill(NAME);
    await page.getByLabel("Password", {exact: true}).fill("short");
    await unchecked(page);
    await send(page, claim);
    await tour.see("setup: errors");
    app.endClaim();
    await tour.goto("/setup");
    await tour.see("setup closed");
    app.admin();
    await tour.goto("/sign-in");
    await tour.see("sign-in");
    await signIn(page, NAME, "not the right password");
    await page.getByRole("alert").waitFor();
    await tour.see("sign-in: wrong");
    await tour.goto("/sign-in");
    await unchecked(page);
    await page.getByRole("button", {name: "Sign in"}).click();
    await page.locator("#name-error").waitFor();
    await tour.see("sign-in: nothing typed");
    await signIn(page);
    await page.waitForURL(t.url("/"));
    await tour.goto("/account");
    await tour.see("account");
    await tour.goto("/account/second-factor");
    await tour.see("second factor");
    const turn = page.getByRole("button", {name: "Turn the second factor on"});
    await page.getByLabel("6-digit code").fill("000000");
    await send(page, turn);
    await tour.see("second factor: wrong code");
    await app.age("authenticated", 6);
    await tour.goto("/account/second-factor");
    await tour.see("second factor: confirm");
    await steadyTime();
    const secret = await page.locator("#totp-secret").innerText();
    await page.getByLabel("6-digit code").fill(totp(secret, -1));
    await page.getByLabel("Your password").fill(PASSWORD);
    await turn.click();
    await page.getByRole("heading", {name: "Store these codes now"}).waitFor();
    await tour.see("recovery codes");
    await tour.goto("/account");
    await tour.see("account: with a second factor");
    await app.age("authenticated", 6);
    await tour.goto("/account");
    await tour.see("account: confirm");
    await page.getByRole("button", {name: "Sign out"}).click();
    await page.waitForURL("**/sign-in");
    await signIn(page);
    await page.waitForURL(/\/sign-in\/code/);
    await tour.see("code");
    await page.getByLabel("6-digit code").fill("000000");
    await send(page, page.getByRole("button", {name: "Sign in"}));
    await tour.see("code: wrong");
    await page.getByRole("link", {name: "Use a recovery code"}).click();
    await page.getByRole("heading", {name: "Use a recovery code"}).waitFor();
    await tour.see("recovery");
    await page.getByLabel("Recovery code").fill("aaaa-bbbb-cccc-dddd");
    await send(page, page.getByRole("button", {name: "Sign in"}));
    await tour.see("recovery: wrong");
    tour.end(17);
});

test("tour: an appliance that nobody has asked for anything", async (t) => {
    const app = await t.appliance((app) => app.admin());
    const tour = new Tour(t, await t.signedIn());
    const {page} = tour;
    await tour.see("overview: first");
    await tour.goto("/people");
    await tour.see("people: nobody");
    await tour.goto("/groups");
    await tour.see("groups: none");
    await tour.goto("/requests");
    await tour.see("requests: none");
    await tour.goto("/provisioning");
    await tour.see("provisioning: first");
    await unchecked(page);
    await send(page, page.getByRole("button", {name: "Turn provisioning on"}));
    await tour.see("provisioning: not ticked");
    await tour.goto("/tokens/new");
    await tour.see("token new");
    await page.getByLabel("Name", {exact: true}).fill(" ");
    await unchecked(page);
    await send(page, page.getByRole("button", {name: "Create token"}));
    await tour.see("token new: errors");
    await page.getByLabel("Name", {exact: true}).fill("okta-2026");
    await page.getByRole("button", {name: "Create token"}).click();
    await page.getByRole("heading", {name: "Store this token now"}).waitFor();
    await tour.see("token shown");
    await tour.goto("/admins");
    await tour.see("admins");
    await page.getByLabel("First password", {exact: true}).fill("short");
    await unchecked(page);
    await send(page, page.getByRole("button", {name: "Add the administrator"}));
    await tour.see("admins: errors");
    const [[id]] = app.sql("select id from admin");
    await tour.goto(`/admins/${id}/remove`);
    await tour.see("admin remove: the last one");
    await tour.goto("/nowhere");
    await tour.see("not found");
    await tour.goto("/account");
    await page.evaluate(() => (document.querySelector("form[action='/sign-out'] input").value = "x"));
    await send(page, page.getByRole("button", {name: "Sign out"}));
    await tour.see("expired");
    app.sql("alter table admin rename column created_by to created_by_nobody");
    await tour.goto("/admins");
    assert.equal(await heading(page), "Something went wrong");
    await tour.see("mistake");
    app.sql("alter table admin rename column created_by_nobody to created_by");
    await tour.goto("/account");
    await page.getByLabel("Password now").fill("wrong wrong wrong");
    await page.getByLabel("New password", {exact: true}).fill("short");
    await unchecked(page);
    await send(page, page.getByRole("button", {name: "Change the password"}));
    await tour.see("account: errors");
    await page.getByLabel("Password now").fill(PASSWORD);
    await page.getByLabel("New password", {exact: true}).fill("nanoseconds of copper wire, again");
    await send(page, page.getByRole("button", {name: "Change the password"}));
    await tour.see("account: changed");
    await page.evaluate(() => document.getElementById("idle").showModal());
    await tour.see("account: idle");
    tour.end(18);
});

const FIRST = ["Ada", "Alan", "Barbara", "Dennis", "Edsger", "Frances", "Grace", "Ken", "Margaret", "Niklaus", "Radia", "Tony"];
const LAST = ["Lovelace", "Turing", "Liskov", "Ritchie", "Dijkstra", "Allen", "Murray", "Thompson", "Hamilton", "Wirth", "Perlman", "Hoare"];

/** A small directory that Okta has worked with for a week. */
async function furnished(t, config = "") {
    const app = await t.appliance(
        (app) => {
            app.admin();
            app.admin("Katherine Johnson", "nanoseconds on the way to the moon");
            app.on();
        },
        `public_url = "https://scim.example.com"\n[listen]\naddress = "127.0.0.1:0"\n${config}`,
    );
    const token = app.token("okta-2026");
    const ids = [];
    for (const [i, first] of FIRST.entries()) {
        const last = LAST[i];
        ids.push(
            await app.user(token, `${first}.${last}@example.com`.toLowerCase(), {
                displayName: `${first} ${last}`,
                name: {givenName: first, familyName: last},
                externalId: `00u${i}x8k2mQzT4c5d7`,
                title: ["Analyst", "Engineer", "Director of Compilers"][i % 3],
                active: i % 5 !== 3,
                emails: [{value: `${first}.${last}@example.com`.toLowerCase(), type: "work", primary: true}],
                phoneNumbers: [{value: "+1 555 0100", type: "work"}],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {department: "Research", costCenter: "4711", manager: ids[0] ? {value: ids[0]} : undefined},
            }),
        );
    }
    const engineers = await app.group(token, "Engineers", ids.slice(0, 8));
    await app.group(token, "Everybody in Research and Development", [engineers, ...ids.slice(8)]);
    await app.group(token, "Admins", []);
    await app.patch(token, `/Users/${ids[1]}`, {op: "replace", path: "title", value: "Senior engineer"});
    await app.patch(token, `/Users/${ids[1]}`, {op: "add", path: "nickName", value: "Al"});
    await app.patch(token, `/Groups/${engineers}`, {op: "remove", path: `members[value eq "${ids[7]}"]`});
    await app.scim(token, "GET", `/Users?filter=${encodeURIComponent('userName eq "ada.lovelace@example.com"')}`);
    await app.scim(token, "GET", "/Users/00000000-0000-0000-0000-000000000000");
    await app.scim(token, "POST", "/Users", {schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], userName: "ada.lovelace@example.com"});
    await app.scim("scimapp_old_token", "GET", "/Users", undefined, {agent: "Microsoft Entra SCIM/1.0"});
    // The week before.
    await app.stop();
    const hour = Math.floor(Date.now() / 3_600_000);
    const hours = [...Array(150).keys()].map((i) => [hour - 2 - i, Math.round(40 + 35 * Math.sin(i / 4) + (i % 7) * 3), i % 23 ? 0 : 4]);
    app.sqls("insert or replace into tally (hour, answered, refused) values (?, ?, ?)", hours);
    await app.start();
    return {app, token, ids, engineers};
}

test("tour: a directory in use", async (t) => {
    const {app, token, ids, engineers} = await furnished(t);
    const tour = new Tour(t, await t.signedIn());
    const {page} = tour;
    await tour.see("overview");
    await page.locator("#chart-table summary").click();
    await tour.see("overview: figures");
    await tour.goto("/provisioning");
    await tour.see("provisioning");
    for (const key of ["entra", "onelogin", "jumpcloud", "other"]) {
        await tour.goto(`/provisioning?idp=${key}`);
        await tour.see(`provisioning: ${key}`);
    }
    await tour.goto("/people");
    await tour.see("people");
    await tour.goto("/people?q=nobody&status=deactivated");
    await tour.see("people: none found");
    await tour.goto(`/people/${ids[1]}`);
    await tour.see("person");
    await tour.goto(`/people/${ids[3]}`);
    await tour.see("person: deactivated");
    await tour.goto("/groups");
    await tour.see("groups");
    await tour.goto("/groups?q=nothing");
    await tour.see("groups: none found");
    await tour.goto(`/groups/${engineers}`);
    await tour.see("group");
    app.command("", "role", "rule", "add", "--group", "Engineers", "--role", "USER");
    app.command("", "role", "rule", "add", "--group", "Everybody in Research and Development", "--role", "COMPLIANCE_MANAGER", "--nested");
    app.command("", "role", "set", "ken.thompson@example.com", "Admin");
    await tour.goto("/roles");
    await tour.see("roles");
    await page.getByLabel("userName or id").fill("ada.lovelace@example.com");
    await page.getByRole("button", {name: /^Up Everybody/}).click();
    await page.getByText("Nothing is saved yet").waitFor();
    await tour.see("roles: draft");
    await app.scim(token, "DELETE", `/Users/${ids[5]}`);
    await tour.goto("/handovers");
    await tour.see("handovers");
    await tour.goto(`/people/${ids[5]}`);
    await tour.see("person: deleted");
    const sent = async (text) => {
        await page.getByLabel("File").setInputFiles({name: "people.csv", mimeType: "text/csv", buffer: Buffer.from(text)});
        await page.getByRole("button", {name: "Check the file"}).click();
        await page.waitForLoadState();
    };
    await tour.goto("/people/import");
    await tour.see("import");
    await sent("userName,shoeSize\nx,1\n");
    await tour.see("import: refused");
    await sent("userName,active\ngood,true\nbad,perhaps\nworse,\"[clear]\"\n");
    await tour.see("import: errors");
    await tour.goto("/people/import");
    await sent("userName,title,department,created\nimported@example.com,'=Boss,Engines,\nother@example.com,A very long title that goes on and on,R&D,\n");
    await tour.see("import: preview");
    await page.getByRole("button", {name: "Import 2 people"}).click();
    await page.getByRole("heading", {name: "The people are imported"}).waitFor();
    await tour.see("import: done");
    await tour.goto("/people/import/gone");
    await tour.see("import: gone");
    await tour.goto("/requests");
    await tour.see("requests");
    await tour.goto("/requests?client=nobody");
    await tour.see("requests: none found");
    for (const to of ["off", "pause", "read-only"]) {
        await tour.goto(`/provisioning/${to}`);
        await tour.see(`switch ${to}`);
    }
    const [[id]] = app.sql("select id from token");
    await tour.goto(`/tokens/new?rotate=${id}`);
    await tour.see("token new: rotate");
    await page.getByRole("button", {name: "Create the new token"}).click();
    const fresh = await page.locator("#token").inputValue();
    await tour.see("token shown: rotated");
    await tour.goto("/provisioning");
    await tour.see("provisioning: rotation waits");
    await app.scim(fresh, "GET", "/Users?count=1", undefined, {agent: OKTA});
    await tour.goto("/provisioning");
    await tour.see("provisioning: rotation ready");
    await tour.goto("/tokens/new");
    await tour.see("token new: full");
    await tour.goto(`/tokens/${id}/revoke`);
    await tour.see("token revoke");
    await app.age("authenticated", 6);
    await tour.goto(`/tokens/${id}/revoke`);
    await unchecked(page);
    await send(page, page.getByRole("button", {name: "Revoke the token"}));
    await tour.see("token revoke: confirm");
    await page.getByLabel("Your password").fill(PASSWORD);
    await page.getByRole("button", {name: "Revoke the token"}).click();
    await page.waitForURL(/\/provisioning/);
    await tour.see("provisioning: one revoked");
    assert.equal((await app.scim(token, "GET", "/Users")).status, 401);
    await tour.goto("/admins");
    await tour.see("admins: two");
    const [[admin]] = app.sql("select max(id) from admin");
    await tour.goto(`/admins/${admin}/remove`);
    await tour.see("admin remove");
    for (const [state, name] of [["pause", "Pause provisioning"], ["read-only", "Make it read-only"], ["off", "Turn provisioning off"]]) {
        await tour.goto(`/provisioning/${state}`);
        await page.getByRole("button", {name}).click();
        await page.waitForURL("**/provisioning");
        await tour.see(`provisioning: ${state}`);
    }
    tour.end(42);
});

test("tour: people and groups that are changed here", async (t) => {
    const {app, token, ids, engineers} = await furnished(t);
    const tour = new Tour(t, await t.signedIn());
    const {page} = tour;
    const press = (name) => send(page, page.getByRole("button", {name, exact: true}));
    await tour.goto("/people/new");
    await tour.see("person new");
    await page.getByLabel("userName").fill("ada.lovelace@example.com");
    await press("Add the person");
    await tour.see("person new: taken");
    const path = `/people/${ids[0]}`;
    await tour.goto(`${path}/edit`);
    await tour.see("person edit");
    await page.getByLabel("Title").fill("Countess of Lovelace");
    await page.getByLabel("Work phone").fill("");
    await app.patch(token, `/Users/${ids[0]}`, {op: "replace", path: "title", value: "Senior analyst"});
    await press("Save the changes");
    await tour.see("person edit: somebody was first");
    await press("Save the changes");
    await tour.goto(path);
    await tour.see("person: edited here");
    await tour.goto(`${path}/deactivate`);
    await tour.see("person deactivate");
    await page.getByLabel("Successor").fill("nobody");
    await press("Deactivate the person");
    await tour.see("person deactivate: no successor");
    await tour.goto(`/people/${ids[3]}/reactivate`);
    await tour.see("person reactivate");
    await tour.goto(`${path}/delete`);
    await tour.see("person delete");
    await tour.goto("/groups/new");
    await tour.see("group new");
    await page.getByLabel("Name").fill("engineers");
    await press("Create the group");
    await tour.see("group new: taken");
    await tour.goto(`/groups/${engineers}/edit`);
    await tour.see("group edit");
    await tour.goto(`/groups/${engineers}/members`);
    await tour.see("group members");
    await page.getByLabel("People").fill("nobody\nada.lovelace@example.com\nnobody else");
    await press("Add the people");
    await tour.see("group members: nobody");
    await app.age("authenticated", 6);
    await tour.goto(`/groups/${engineers}/delete`);
    await unchecked(page);
    await press("Archive the group");
    await tour.see("group delete: confirm");
    tour.end(15);
});

test("tour: when people and groups leave", async (t) => {
    const {app, token, ids, engineers} = await furnished(t, "[guard]\npercent = 0\ncount = 4\n");
    const tour = new Tour(t, await t.signedIn());
    const {page} = tour;
    const at = async (path, name) => {
        await tour.goto(path);
        await tour.see(name);
    };
    const deactivate = (id) => app.patch(token, `/Users/${id}`, {op: "replace", path: "active", value: false});
    await at("/handovers", "handovers: none");
    await at("/handovers?status=settled", "handovers: none settled");
    await at("/people/departed", "departed: nobody");
    await at("/groups/archived", "archived: none");
    await at("/guard", "guard: does not hold");
    for (const group of ["Office Berlin", "Running club"]) {
        app.command("", "group", "create", group);
        app.command("", "group", "add-member", group, ids[1]);
    }
    await deactivate(ids[1]);
    const [[number]] = app.sql("select id from handover");
    const path = `/handovers/${number}`;
    await at(path, "handover");
    await at(`${path}?q=nobody`, "handover: nobody found");
    await page.getByLabel("Successor").fill("ghost@example.com");
    await page.getByLabel("Note").fill("x".repeat(1000));
    await send(page, page.getByRole("button", {name: "Hand over to this person"}));
    await tour.see("handover: errors");
    await at(`${path}?q=example.com`, "handover: found");
    await unchecked(page);
    await send(page, page.getByRole("button", {name: "Hand over to this person"}));
    await tour.see("handover: nobody chosen");
    const late = await page.context().newPage();
    await late.goto(t.url(path));
    await page.getByRole("radio").first().check();
    await page.getByLabel("Note").fill("The team of the fourth quarter.\nThe keys are with Grace.");
    await page.getByRole("button", {name: "Hand over to this person"}).click();
    await page.waitForURL("**/handovers");
    await at("/handovers?status=settled", "handovers: settled");
    await at(path, "handover: settled");
    await late.getByLabel("Note").fill("Was a test.");
    await send(late, late.getByRole("button", {name: "Nothing to hand over"}));
    tour.page = late;
    await tour.see("handover: settled already");
    tour.page = page;
    await app.scim(token, "DELETE", `/Users/${ids[5]}`);
    await app.scim(token, "DELETE", `/Groups/${engineers}`);
    await at("/people/departed", "departed");
    await at("/groups/archived", "archived");
    await at(`/groups/${engineers}`, "group: archived");
    await at(`/people/${ids[5]}/restore`, "restore");
    await app.group(token, "Engineers", []);
    await at(`/groups/${engineers}/restore`, "restore: group");
    const again = await app.user(token, "frances.allen@example.com", {externalId: "another"});
    await send(page, page.getByRole("button", {name: "Restore the group"}));
    await tour.goto(`/people/${ids[5]}/restore`);
    await tour.see("restore: taken");
    for (const id of [ids[2], again, ids[4]]) await deactivate(id);
    await at("/guard", "guard");
    await app.age("authenticated", 6);
    await page.reload();
    await page.getByLabel("Your password").fill("not the right password");
    await send(page, page.getByRole("button", {name: "I have looked"}));
    await tour.see("guard: confirm");
    await deactivate(ids[6]);
    await page.getByLabel("Your password").fill(PASSWORD);
    await send(page, page.getByRole("button", {name: "I have looked"}));
    await tour.see("guard: more have left");
    await at("/people/departed", "departed: held");
    await page.goto(t.url("/guard"));
    await page.getByRole("button", {name: "I have looked"}).click();
    await page.waitForURL(t.url("/"));
    tour.end(23);
});

test("tour: automatic deactivation", async (t) => {
    const {app} = await furnished(t);
    const tour = new Tour(t, await t.signedIn());
    const {page} = tour;
    await tour.goto("/provisioning/idle");
    await tour.see("idle: off");
    await send(page, page.getByRole("button", {name: "Switch it on"}));
    await tour.see("idle: no single sign-on");
    await app.restart(() => {
        // Single sign-on has been on for 100 days, and nobody was heard of for 200.
        const day = 86_400_000_000;
        const now = Date.now() * 1000;
        app.sql("insert into setting values ('sso_since', ?), ('sso', ?)", String(now - 100 * day), SET_UP);
        app.sql("update resource set created = ?, modified = ? - pk * 3600000000", now - 200 * day, now - 200 * day);
    });
    await tour.goto("/provisioning/idle");
    await page.getByRole("button", {name: "Switch it on"}).click();
    await page.getByRole("button", {name: "Exempt Grace.Murray", exact: false}).click();
    await page.getByRole("button", {name: /^End the exemption/}).waitFor();
    await tour.see("idle: announced");
    await tour.goto("/");
    await page.getByText("people will be deactivated").waitFor();
    await tour.see("overview: automatic deactivation is announced");
    await app.restart(() => app.sql("update idle set due = announced, shown = 1"));
    await page.waitForTimeout(1000);
    await tour.goto("/provisioning/idle");
    await page.getByRole("button", {name: /^Deactivate \d+ people/}).waitFor();
    await app.age("authenticated", 6);
    await tour.goto("/provisioning/idle");
    await tour.see("idle: waits");
    await page.getByLabel("Your password").fill("wrong");
    await send(page, page.getByRole("button", {name: /^Deactivate \d+ people/}));
    await tour.see("idle: wrong password");
    await page.getByLabel("Your password").fill(PASSWORD);
    await page.getByRole("button", {name: /^Deactivate \d+ people/}).click();
    await page.waitForURL("**/provisioning/idle");
    for (let i = 0; i < 30 && app.sql("select ran from idle")[0][0] === null; i++) await page.waitForTimeout(500);
    await tour.goto("/provisioning/idle");
    await page.getByText("Automatic deactivation is on").waitFor();
    await tour.see("idle: on");
    await tour.goto("/people?status=deactivated");
    await tour.see("people: deactivated");
    tour.end(8);
});

test("tour: single sign-on", async (t) => {
    const provider = await new Provider({
        Ada: {sub: "e-ada", name: "Ada <b>Lovelace</b>", preferred_username: "ada@example.com", email: "ada@example.com", email_verified: true, groups: ["Everyone", "Engineers"]},
        Bob: {sub: "e-bob"}, Eve: {sub: "e-eve"},
    }).start();
    t.allow(provider.issuer);
    t.after(() => provider.end());
    const app = await t.appliance((app) => app.admin(), `${CONFIG}[sso]\nprecondition = "required"\n`);
    const tour = new Tour(t, await t.signedIn());
    const {page} = tour;
    await tour.goto("/provisioning");
    await tour.see("provisioning: locked");
    await tour.goto("/sso");
    await tour.see("sso: first");
    await tour.goto("/sso?idp=entra");
    await tour.see("sso: entra");
    await page.getByLabel("Issuer").fill("okta");
    await unchecked(page);
    await send(page, page.getByRole("button", {name: "Save"}));
    await tour.see("sso: errors");
    await setUp(page, (path) => t.url(path), provider);
    await tour.see("sso: not tested");
    await page.getByRole("link", {name: "Test sign-in"}).click();
    await choose(page, "Eve");
    await page.waitForURL(t.url("/sso/tested"));
    await tour.see("sso tested: not good");
    app.command("", "person", "create", "ada@example.com");
    app.command("", "person", "edit", "ada@example.com", "--external-id", "e-ada", "--display-name", "Ada Lovelace", "--email", "ada@example.com", "--set", "title=Countess");
    await tour.goto("/sso/test");
    await choose(page, "Ada");
    await page.waitForURL(t.url("/sso/tested"));
    await tour.see("sso tested");
    await tour.goto("/sso");
    await tour.see("sso: set up and tested");
    await tour.goto("/sso/on");
    await tour.see("sso on");
    await page.getByRole("button", {name: "Switch it on"}).click();
    await page.waitForURL(t.url("/sso"));
    app.command("", "provisioning", "on");
    const token = app.token();
    const bob = await app.user(token, "bob@example.com", {externalId: "e-bob"});
    await app.group(token, "Engineers", [bob]);
    const visitor = new Tour(t, await t.page());
    await visitor.goto("/sign-in");
    await visitor.see("sign-in: single sign-on");
    await visitor.page.getByRole("link", {name: "Sign in with Okta"}).click();
    await choose(visitor.page, "Eve");
    await visitor.page.getByRole("heading", {name: "You are not signed in"}).waitFor();
    await visitor.see("refused");
    await visitor.goto("/sign-in/sso");
    await choose(visitor.page, "Bob");
    await visitor.page.waitForURL(t.url("/me"));
    await visitor.see("me");
    await tour.goto(`/people/${bob}`);
    await tour.see("person: signed in here");
    await visitor.goto("/people");
    await visitor.see("not for everybody");
    // The page that leads on by itself, as it comes in: with the cookies of the browser, and not followed.
    const {request} = visitor.page.context();
    const asked = await request.get(t.url("/sign-in/sso"));
    const came = await request.post(asked.url(), {form: {who: "Bob"}});
    assert.match(await came.text(), /<h1>You are signed in<\/h1>[^]*href="\/me">Go on</);
    app.command("", "role", "set", "bob@example.com", "ORGANIZATION_ADMINISTRATOR");
    app.sql("update session set authenticated = 0 where person is not null");
    await visitor.goto(`/people/${bob}/delete`);
    await visitor.see("person delete: confirm at the identity provider");
    await visitor.goto("/sso/off");
    await visitor.see("sso off");
    await visitor.goto("/admins");
    await visitor.page.getByLabel("Name").fill("grace");
    await visitor.page.locator("#new-password").fill("a lamp that nobody has seen");
    await send(visitor.page, visitor.page.getByRole("button", {name: "Add the administrator"}));
    await visitor.see("admins: what was typed is kept");
    await visitor.page.getByRole("link", {name: "Confirm at the identity provider"}).click();
    await choose(visitor.page, "Bob");
    await visitor.page.waitForURL(t.url("/confirmed"));
    await visitor.see("confirmed");
    await tour.goto("/");
    await tour.see("overview: single sign-on");
    await tour.goto("/sso");
    const late = await page.context().newPage();
    await late.goto(t.url("/sso"));
    await page.getByLabel("Names and passwords are for emergencies").check();
    await page.getByRole("button", {name: "Save"}).click();
    await page.waitForURL(t.url("/sso"));
    await tour.see("sso");
    await late.getByRole("button", {name: "Save"}).click();
    await late.getByText("Somebody has changed these settings").first().waitFor();
    const overtaken = new Tour(t, late);
    await overtaken.see("sso: somebody was faster");
    overtaken.end(1);
    await late.close();
    const other = new Tour(t, await t.page());
    await other.goto("/sign-in");
    await other.see("sign-in: emergencies");
    app.sql(`update setting set value = replace(value, '"good":true', '"good":false') where name = 'sso'`);
    await tour.goto("/provisioning");
    await page.getByText("Provisioning is on although").waitFor();
    await tour.see("provisioning: the precondition is not met");
    app.sql("update setting set value = '{' where name = 'sso'");
    await tour.goto("/");
    await page.getByText("cannot be read").waitFor();
    await tour.see("overview: single sign-on cannot be read");
    await tour.goto("/sso");
    await tour.see("sso: cannot be read");
    visitor.end(8);
    other.end(1);
    tour.end(15);
});

test("tour: every page without scripts", async (t) => {
    const {app, token: provider, ids, engineers} = await furnished(t, "[guard]\npercent = 0\ncount = 1\n");
    await app.scim(provider, "DELETE", `/Users/${ids[5]}`);
    const [[left]] = app.sql("select id from handover");
    const [[token]] = app.sql("select id from token");
    const [[admin]] = app.sql("select max(id) from admin");
    const paths = [
        "/", "/provisioning", "/provisioning?idp=entra", "/provisioning/idle", "/people", "/people?q=ada", `/people/${ids[1]}`, "/groups", `/groups/${engineers}`,
        "/people/new", `/people/${ids[1]}/edit`, `/people/${ids[1]}/deactivate`, `/people/${ids[3]}/reactivate`, `/people/${ids[1]}/delete`,
        "/groups/new", `/groups/${engineers}/edit`, `/groups/${engineers}/members`, `/groups/${engineers}/delete`,
        "/people/departed", "/groups/archived", "/handovers", "/handovers?status=settled", `/handovers/${left}`, `/handovers/${left}?q=a`, `/people/${ids[5]}`, `/people/${ids[5]}/restore`, "/guard",
        "/roles", "/requests", "/admins", `/admins/${admin}/remove`, "/account", "/account/second-factor", "/tokens/new", `/tokens/new?rotate=${token}`,
        "/sso", "/sso?idp=entra", `/tokens/${token}/revoke`, "/provisioning/off", "/provisioning/pause", "/provisioning/read-only", "/nowhere",
    ];
    const plain = await t.signedIn({scripts: false});
    const scripted = await t.signedIn();
    for (const path of paths) {
        await plain.goto(t.url(path));
        await scripted.goto(t.url(path));
        assert.equal(await plain.title(), await scripted.title());
        assert.equal(await heading(plain), await heading(scripted));
        for (const one of await plain.locator("[data-copy], [data-download], [data-reveal], [data-js], dialog").all()) {
            assert(!(await one.isVisible()), `${path}: ${await one.innerHTML()}`);
        }
        for (const time of await plain.locator("time").allInnerTexts()) assert.match(time, /\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC/, path);
        // What is to be pressed is the same, but for what needs scripts.
        const controls = (page) => page.locator("main a, main button:not([data-copy], [data-download], [data-reveal], [data-live-toggle])").count();
        assert.equal(await controls(plain), await controls(scripted), path);
    }
});

test("weight: all pages and what they need are less than 150 KiB", async (t) => {
    const app = await t.appliance((app) => app.on(), `[guard]\npercent = 0\ncount = 1\n${CONFIG}`);
    const token = app.token("okta-2026");
    const ids = [];
    for (const name of ["ada", "alan", "grace", "tony"]) {
        ids.push(await app.user(token, `${name}@example.com`, {displayName: name, emails: [{value: `${name}@example.com`, type: "work"}]}));
    }
    const engineers = await app.group(token, "Engineers", [ids[0]]);
    const office = await app.group(token, "Office", []);
    await app.scim(token, "DELETE", `/Groups/${office}`);
    await app.scim(token, "DELETE", `/Users/${ids[1]}`);
    await app.patch(token, `/Users/${ids[2]}`, {op: "replace", path: "active", value: false});
    const [[number]] = app.sql("select id from handover");
    const page = await t.page();
    const sizes = new Map();
    const bodies = [];
    // What is sent, compressed as it is.
    page.on("response", (response) => {
        const {pathname} = new URL(response.url());
        if (pathname.startsWith("/static/")) bodies.push(response.headerValue("content-length").then((size) => sizes.set(pathname, Number(size))));
    });
    const weigh = async (name, answer) => sizes.set(name, Number(await answer.headerValue("content-length")));
    const see = async (path, name = path) => weigh(name, await page.goto(t.url(path)));
    /** Presses a button, and weighs the page that comes of it. */
    const press = async (button, name) => {
        const [answer] = await Promise.all([
            page.waitForResponse((response) => response.request().isNavigationRequest() && response.status() !== 303),
            page.getByRole("button", {name: button}).click(),
        ]);
        await weigh(name, answer);
        await page.waitForLoadState();
    };
    await see("/setup");
    app.admin();
    await see("/sign-in");
    await signIn(page);
    await page.waitForURL(t.url("/"));
    const [[id]] = app.sql("select id from token");
    const [[admin]] = app.sql("select id from admin");
    const person = `/people/${ids[0]}`;
    const group = `/groups/${engineers}`;
    for (const [name, path] of Object.entries({
        overview: "/", provisioning: "/provisioning", idle: "/provisioning/idle", off: "/provisioning/off", "token new": "/tokens/new", revoke: `/tokens/${id}/revoke`,
        people: "/people", person, "person new": "/people/new", "person edit": `${person}/edit`, deactivate: `${person}/deactivate`, reactivate: `/people/${ids[2]}/reactivate`,
        "person delete": `${person}/delete`, departed: "/people/departed", "person gone": `/people/${ids[1]}`, restore: `/people/${ids[1]}/restore`,
        groups: "/groups", group, "group new": "/groups/new", "group edit": `${group}/edit`, members: `${group}/members`, "group delete": `${group}/delete`,
        archived: "/groups/archived", "group restore": `/groups/${office}/restore`, handovers: "/handovers", handover: `/handovers/${number}`, guard: "/guard",
        roles: "/roles", requests: "/requests", admins: "/admins", "admin remove": `/admins/${admin}/remove`, account: "/account", nowhere: "/nowhere", import: "/people/import", sso: "/sso",
    })) {
        await see(path, name);
    }
    const provider = await new Provider({Ada: {sub: "e-ada"}}).start();
    t.allow(provider.issuer);
    t.after(() => provider.end());
    await app.patch(token, `/Users/${ids[0]}`, {op: "replace", path: "externalId", value: "e-ada"});
    await setUp(page, (path) => t.url(path), provider);
    await page.goto(t.url("/sso/test"));
    await choose(page, "Ada");
    await page.waitForURL(t.url("/sso/tested"));
    await weigh("sso tested", await page.reload());
    await see("/sso/on", "sso on");
    await page.getByRole("button", {name: "Switch it on"}).click();
    await page.waitForURL(t.url("/sso"));
    await see("/sso/off", "sso off");
    const somebody = await t.page();
    await somebody.goto(t.url("/sign-in/sso"));
    const onward = somebody.waitForResponse((response) => response.url().includes("/sign-in/sso/callback"));
    await choose(somebody, "Ada");
    await weigh("onward", await onward);
    await somebody.waitForURL(t.url("/me"));
    await weigh("me", await somebody.reload());
    await page.goto(t.url("/people/import"));
    await page.getByLabel("File").setInputFiles({name: "people.csv", mimeType: "text/csv", buffer: Buffer.from("userName,title\nx,y\n")});
    await press("Check the file", "import preview");
    await page.getByRole("button", {name: "Import 1 person"}).click();
    await page.getByRole("heading", {name: "The people are imported"}).waitFor();
    await weigh("import done", await page.reload());
    await page.goto(t.url("/tokens/new"));
    await press("Create token", "token shown");
    await see("/account/second-factor");
    await steadyTime();
    const secret = await page.locator("#totp-secret").innerText();
    await page.getByLabel("6-digit code").fill(totp(secret, -1));
    await press("Turn the second factor on", "recovery codes");
    const other = await t.page();
    await other.goto(t.url("/sign-in"));
    await signIn(other);
    await other.waitForURL(/\/sign-in\/code/);
    await weigh("code", await other.reload());
    await Promise.all(bodies);
    assert.equal([...sizes.keys()].filter((name) => name.startsWith("/static/")).length, 3);
    const sum = [...sizes.values()].reduce((a, b) => a + b, 0);
    const list = [...sizes].sort((a, b) => b[1] - a[1]).map(([name, size]) => `${name} ${size}`).join(", ");
    assert(sum < MOST_BYTES, `${sum} bytes: ${list}`);
    t.note = `${(sum / 1024).toFixed(1)} KiB in ${sizes.size} pieces`;
});
