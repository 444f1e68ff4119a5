// People and groups: what an identity provider has sent is shown, and shown as text.

import {assert, both, heading, OKTA, signIn, test} from "./harness.mjs";

const prepared = (t) =>
    t.appliance((app) => {
        app.admin();
        app.on();
    });
const rows = (page) => page.locator("tbody tr");
const names = (page) => page.locator("tbody th[scope=row]").allInnerTexts();

both("people: search, filters and pages", async (t) => {
    const app = await prepared(t);
    const token = app.token();
    const page = await t.signedIn();
    await page.goto(t.url("/people"));
    assert.match(await page.locator(".empty").innerText(), /Nobody is here yet/);
    for (let i = 1; i <= 60; i++) {
        const n = String(i).padStart(2, "0");
        await app.user(token, `person${n}@example.com`, {
            displayName: i === 7 ? "Zoë Ångström" : `Person ${n}`,
            emails: [{value: `mail${n}@corp.example`, type: "work", primary: true}],
            active: i % 10 !== 0,
        });
    }
    await page.reload();
    assert.match(await page.locator(".lede").innerText(), /54 active, 6 deactivated/);
    assert.equal(await rows(page).count(), 25);
    const pager = page.getByRole("navigation", {name: "Pages"});
    assert.match(await pager.innerText(), /1 to 25 of 60/);
    const seen = new Set(await names(page));
    for (const [words, count] of [["26 to 50 of 60", 25], ["51 to 60 of 60", 10]]) {
        await pager.getByRole("link", {name: "Next"}).click();
        await page.getByText(words).waitFor();
        assert.equal(await rows(page).count(), count);
        for (const name of await names(page)) seen.add(name);
    }
    assert.equal(seen.size, 60, "everybody once");
    assert.equal(await pager.getByRole("link", {name: "Next"}).count(), 0);
    await pager.getByRole("link", {name: "Previous"}).click();
    await page.getByText("26 to 50 of 60").waitFor();

    const search = async (text) => {
        await page.getByRole("searchbox").fill(text);
        await page.getByRole("button", {name: "Search"}).click();
        await page.waitForURL((url) => (url.searchParams.get("q") ?? "") === text);
    };
    await search("ÅNGSTR");
    assert.deepEqual(await names(page), ["Zoë Ångström"]);
    assert.equal(await page.getByRole("searchbox").inputValue(), "ÅNGSTR");
    await search("mail42@corp");
    assert.equal(await rows(page).count(), 1);
    await search("person0");
    assert.equal(await rows(page).count(), 9);
    await page.getByRole("link", {name: "Deactivated", exact: true}).click();
    assert.match(await page.locator(".empty").innerText(), /No deactivated person matches “person0”/);
    await page.getByRole("link", {name: "Search all people"}).click();
    await page.waitForURL((url) => !url.searchParams.has("status"));
    assert.equal(await rows(page).count(), 9);
    await page.goto(t.url("/people?status=deactivated"));
    assert.equal(await rows(page).count(), 6);
    assert.match(await rows(page).first().innerText(), /Deactivated/);
    for (const odd of ["/people?offset=999999999999", "/people?offset=-1&status=x", "/people?q=%00%ff&offset=99999999999999999999999"]) {
        assert.equal((await page.goto(t.url(odd))).status(), 200, odd);
    }
});

both("person: attributes, groups, source and history", async (t) => {
    const app = await prepared(t);
    const token = app.token("okta-2026");
    const id = await app.user(token, "ada@example.com", {
        displayName: "Ada Lovelace",
        externalId: "00u1",
        title: "Analyst",
        profileUrl: "https://ada.example/profile",
        emails: [{value: "ada@example.com", type: "work", primary: true}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {department: "Engines", manager: {value: "nobody-here"}},
    });
    const inner = await app.group(token, "Engineers", [id]);
    await app.group(token, "Everybody", [inner]);
    await app.patch(token, `/Users/${id}`, {op: "replace", path: "title", value: "Countess"});
    await app.patch(token, `/Users/${id}`, {op: "replace", value: {active: false}});
    const page = await t.signedIn();
    await page.goto(t.url("/people"));
    await page.getByRole("link", {name: "Ada Lovelace"}).click();
    assert.equal((await heading(page)).replace(/\s+/g, " "), "Ada Lovelace Deactivated");
    const text = await page.locator("main").innerText();
    for (const shown of ["ada@example.com", "00u1", "Countess", "Engines", "Identity provider, with the token okta-2026", id]) {
        assert(text.includes(shown), shown);
    }
    const link = page.getByRole("link", {name: "https://ada.example/profile"});
    assert.match(await link.getAttribute("rel"), /noreferrer/);
    const groups = page.getByRole("region", {name: "The groups"});
    assert.match(await groups.innerText(), /Engineers\s+Directly/);
    assert.match(await groups.innerText(), /Everybody\s+Through another group/);
    const history = await page.getByRole("region", {name: "The history, the latest first"}).locator("tbody tr").allInnerTexts();
    assert.match(history[0], /the token okta-2026\s.*Deactivated/s);
    assert.match(history[1], /the token okta-2026\s+active\s.*true.*false/s);
    assert.match(history[2], /title\s.*Analyst.*Countess/s);
    assert.match(history.at(-1), /Created/);
    await groups.getByRole("link", {name: "Engineers"}).click();
    assert.equal(await heading(page), "Engineers");
    assert.match(await page.getByRole("region", {name: "The members"}).innerText(), /Ada Lovelace\s+Person\s+ada@example.com\s+Deactivated/);
    assert.match(await page.locator("main").innerText(), /Is in[\s\S]*Everybody/);
    // The manager is nobody here, and the page says so.
    await page.goto(t.url("/people/nobody-here"));
    assert.equal(await heading(page), "There is nothing here");
    // A deleted person is gone from the list; the page says who it was, and when and by whom it was deleted.
    await app.scim(token, "DELETE", `/Users/${id}`);
    await page.goto(t.url("/people"));
    assert(!(await page.locator("main").innerText()).includes("ada@example.com"));
    assert.equal((await page.goto(t.url(`/people/${id}`))).status(), 200);
    assert.equal(await heading(page), "Ada Lovelace");
    const gone = await page.locator("main").innerText();
    assert.match(gone, /Deleted .+ by the token okta-2026\. Identity providers find nothing under this id\./);
    assert.match(gone, /ada@example\.com[\s\S]*Countess/);
    assert(gone.includes(`person restore ${id}`), gone);
});

both("group: many members on several pages, and their history", async (t) => {
    const app = await prepared(t);
    const token = app.token();
    const ids = [];
    for (let i = 0; i < 60; i++) ids.push(await app.user(token, `member${String(i).padStart(2, "0")}`));
    const group = await app.group(token, "Large", ids);
    await app.patch(token, `/Groups/${group}`, {op: "remove", path: `members[value eq "${ids[0]}"]`});
    const page = await t.signedIn();
    await page.goto(t.url("/groups"));
    assert.match(await rows(page).innerText(), /Large\s+59/);
    await page.getByRole("link", {name: "Large"}).click();
    const members = page.getByRole("region", {name: "The members"}).locator("tbody tr");
    assert.equal(await members.count(), 50);
    const history = await page.getByRole("region", {name: "The history, the latest first"}).innerText();
    assert.match(history, /1 member left/);
    assert.match(history, /60 members came/);
    await page.getByRole("navigation", {name: "Pages"}).getByRole("link", {name: "Next"}).click();
    await page.getByText("51 to 59 of 59").waitFor();
    assert.equal(await members.count(), 9);
    await members.first().getByRole("link").click();
    assert.match(await heading(page), /member\d\d/);
});

// Texts that would do something if a page took them for more than text.

const RLO = "\u202e";
const attacks = (mark) => [
    `<img src=x onerror="window.harm='${mark}'">`,
    `"><script>window.harm='${mark}'</script>`,
    `' onmouseover=window.harm='${mark}' autofocus onfocus=window.harm='${mark}' x='`,
    `javascript:window.harm='${mark}'`,
    `data:text/html,<script>window.harm='${mark}'</script>`,
    `</title></td></code><svg onload=window.harm='${mark}'>`,
    `{{7*7}}\${7*7}<%= 7*7 %>${mark}`,
    `${RLO}evil${mark}`,
    `&lt;b&gt;${mark}&amp;amp;`,
];

/** Nothing of what was provisioned has become more than text. */
async function harmless(page) {
    const found = await page.evaluate(() => {
        const wrong = [];
        if (window.harm) wrong.push(`it ran: ${window.harm}`);
        for (const element of document.querySelectorAll("*")) {
            for (const {name, value} of element.attributes) {
                if (/^on/i.test(name)) wrong.push(`${element.tagName} ${name}`);
                if (/^(href|src|action|formaction)$/i.test(name) && /^\s*(javascript|data|vbscript):/i.test(value)) wrong.push(`${name}=${value}`);
                if (/^(srcdoc|style)$/i.test(name)) wrong.push(name);
            }
        }
        const scripts = [...document.scripts].map((script) => new URL(script.src || "about:inline").pathname);
        if (scripts.length !== 1 || !scripts[0].startsWith("/static/")) wrong.push(`scripts: ${scripts}`);
        for (const image of document.images) if (!new URL(image.src).pathname.startsWith("/static/")) wrong.push(image.outerHTML);
        if (document.querySelector("main b, main iframe, main object, main embed, main svg[onload], main script")) wrong.push("an element came in");
        return wrong;
    });
    assert.deepEqual(found, [], page.url());
}

/** A value for each text that a client may write, with the attack for each in turn. `shown` gets what a page has to show. */
function hostile(attributes, turn, path, shown) {
    const value = {};
    for (const attribute of attributes) {
        if (attribute.mutability === "readOnly" || attribute.name === "password" || attribute.name === "members") continue;
        const here = `${path}.${attribute.name}`;
        const text = () => {
            const list = attacks(here);
            const chosen = list[turn.n++ % list.length];
            if (attribute.name !== "type" && attribute.name !== "$ref") shown.push(chosen);
            return chosen;
        };
        let one;
        if (attribute.type === "complex") one = hostile(attribute.subAttributes, turn, here, shown);
        else if (attribute.type === "string") one = text();
        else if (attribute.type === "reference") one = text();
        else if (attribute.type === "binary") one = "MIIC";
        else continue;
        value[attribute.name] = attribute.multiValued ? [one] : one;
    }
    return value;
}

// Each field meets each attack once: as many people as there are attacks.
both("hostile texts stay texts on every page", async (t) => {
    const app = await prepared(t);
    const evil = attacks("token")[1].slice(0, 100);
    const token = app.token(evil);
    app.admin(attacks("admin")[0].slice(0, 100), "nanoseconds of copper wire");
    const agent = `Evil/1.0 <img src=x onerror="window.harm='agent'"> "><script>window.harm=1</script>`;
    const {body: schemas} = await app.scim(token, "GET", "/Schemas");
    const schema = (name) => schemas.Resources.find((one) => one.id.endsWith(name));
    const core = schema("core:2.0:User");
    const extensions = schemas.Resources.filter((one) => one.id.includes(":extension:") && one.id.endsWith(":User"));
    const send = async (method, path, body) => {
        const answer = await app.scim(token, method, path, body, {agent});
        assert(answer.status < 300, JSON.stringify(answer.body));
        return answer.body;
    };
    const people = [];
    for (let start = 0; start < attacks("").length; start++) {
        const shown = [];
        const turn = {n: start};
        const user = {schemas: [core.id], ...hostile(core.attributes, turn, `u${start}`, shown)};
        for (const {id, attributes} of extensions) {
            user.schemas.push(id);
            user[id] = hostile(attributes, turn, `u${start}`, shown);
        }
        const first = await send("POST", "/Users", user);
        // Everything changes, so that the history has it before and after.
        const after = [];
        turn.n = start + 1;
        const other = {...user, ...hostile(core.attributes, turn, `v${start}`, after)};
        for (const {id, attributes} of extensions) other[id] = hostile(attributes, turn, `v${start}`, after);
        await send("PUT", `/Users/${first.id}`, other);
        people.push({id: first.id, shown: after, before: shown});
    }
    const long = await send("POST", "/Users", {schemas: [core.id], userName: "l".repeat(10_000), displayName: `${"<b>".repeat(3_400)}` });
    people.push({id: long.id, shown: [], before: []});
    const groups = [];
    for (const [i, text] of attacks("group").entries()) {
        const group = schema("core:2.0:Group");
        const body = {schemas: [group.id], displayName: text, externalId: attacks("external")[i], members: people.map(({id}) => ({value: id, display: attacks("display")[i]}))};
        const made = await send("POST", "/Groups", body);
        await app.patch(token, `/Groups/${made.id}`, {op: "replace", path: "displayName", value: `${text}2`});
        groups.push({id: made.id, text: `${text}2`});
    }
    // What is refused is shown, too.
    await app.scim(token, "GET", `/Users?filter=${encodeURIComponent(attacks("filter")[0])}`, undefined, {agent});
    await app.scim(token, "GET", `/Users/${encodeURIComponent(attacks("path")[1])}`, undefined, {agent});
    await app.scim("<script>window.harm=1</script>", "GET", "/Users", undefined, {agent});

    const page = await t.signedIn();
    const visit = async (path, ...texts) => {
        await page.goto(t.url(path));
        await harmless(page);
        const text = await page.locator("main").evaluate((main) => main.textContent);
        for (const one of texts) assert(text.includes(one), `${path} shows ${one}`);
    };
    await visit("/", agent);
    await visit("/provisioning", evil, agent);
    await visit("/people", ...[0, 1, 2].map((i) => people[i].shown.find((text) => text.includes("displayName")) ?? ""));
    await visit("/people?status=active");
    await visit("/groups", ...groups.map(({text}) => text));
    for (const {id, shown, before} of people) {
        await visit(`/people/${id}`, ...shown, ...before.filter((text) => /u\d\.title/.test(text)));
        assert((await page.title()).endsWith(" · scim-appliance"));
    }
    for (const {id, text} of groups) await visit(`/groups/${id}`, text, text.slice(0, -1));
    await visit("/requests", agent, evil);
    await visit(`/requests?client=${encodeURIComponent(attacks("c")[1])}&method=${encodeURIComponent(attacks("m")[0])}&status=${encodeURIComponent(attacks("s")[0])}&token=${encodeURIComponent(attacks("t")[2])}`);
    await visit("/admins", attacks("admin")[0].slice(0, 100));
    for (const [i, text] of attacks("search").entries()) {
        const path = i % 2 ? "/groups" : "/people";
        await visit(`${path}?q=${encodeURIComponent(text)}&status=${encodeURIComponent(text)}`, text);
        assert.equal(await page.getByRole("searchbox").inputValue(), text);
    }
    const [[id]] = app.sql("select id from token");
    await visit(`/tokens/${id}/revoke`, evil, agent);
    await visit(`/tokens/new?rotate=${id}`, evil);
    const [[admin]] = app.sql("select max(id) from admin");
    await visit(`/admins/${admin}/remove`, attacks("admin")[0].slice(0, 100));
    for (const text of attacks("nowhere")) await visit(`/people/${encodeURIComponent(text)}`);
    await visit(`/provisioning?idp=${encodeURIComponent(attacks("idp")[0])}`);
    await visit(`/account/second-factor`);
    // A name that is typed into a form comes back as text.
    await page.goto(t.url("/tokens/new"));
    await page.getByLabel("Name", {exact: true}).fill(`${attacks("name")[1]}${"x".repeat(100)}`.slice(0, 100));
    await page.getByRole("button", {name: "Create token"}).click();
    await page.waitForLoadState();
    await harmless(page);
    const stranger = await t.page();
    await stranger.goto(t.url(`/sign-in?to=${encodeURIComponent(attacks("to")[1])}`));
    await stranger.getByLabel("Name").fill(attacks("who")[1]);
    await stranger.getByLabel("Password", {exact: true}).fill(attacks("password")[1]);
    await stranger.getByRole("button", {name: "Sign in"}).click();
    await stranger.getByText("The name or the password is wrong").waitFor();
    await harmless(stranger);
    assert.equal(await stranger.getByLabel("Name").inputValue(), attacks("who")[1]);
});

test("hostile texts stay texts when a page refreshes itself", async (t) => {
    const app = await prepared(t);
    const token = app.token();
    const page = await t.page();
    await page.clock.install();
    await page.goto(t.url("/sign-in"));
    await signIn(page);
    await page.waitForURL(t.url("/"));
    const agent = `<img src=x onerror="window.harm=1">${OKTA}`;
    for (const path of ["/", "/provisioning", "/requests"]) {
        await page.goto(t.url(path));
        await app.scim(token, "GET", `/Users?count=1`, undefined, {agent: `${agent} ${path}`});
        await page.clock.fastForward(5_000);
        await page.locator("[data-live]", {hasText: `${agent} ${path}`}).first().waitFor();
        await harmless(page);
    }
});
