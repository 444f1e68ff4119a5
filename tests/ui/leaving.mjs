// When people leave: hand-overs, restoring, and the guard; with scripts and without.

import {assert, both, heading, PASSWORD, refused, send, test, unchecked} from "./harness.mjs";

const prepared = (t, config = "") =>
    t.appliance(
        (app) => {
            app.admin();
            app.on();
        },
        `[listen]\naddress = "127.0.0.1:0"\n${config}`,
    );
const give = (page) => page.getByRole("button", {name: "Hand over to this person"});
const fact = (page, term) => page.locator(`dt:text-is("${term}") + dd`).innerText();

both("leaving: a hand-over is found, given and looked at", async (t, scripts) => {
    const app = await prepared(t);
    const token = app.token();
    const leaver = await app.user(token, "leaver@example.com", {displayName: "Lee Leaver"});
    const grace = await app.user(token, "grace@example.com", {displayName: "Grace <i>Hopper</i>"});
    await app.group(token, "Pushed", [leaver]);
    app.command("", "group", "create", "Office");
    app.command("", "group", "add-member", "Office", "leaver@example.com");
    await app.patch(token, `/Users/${leaver}`, {op: "replace", path: "active", value: false});
    const page = await t.signedIn();
    // From the overview to the hand-over, and by the person's page as well.
    await page.locator("#attention").locator("xpath=../../..").getByRole("link", {name: "Look at them"}).first().click();
    assert.equal(await heading(page), "Hand-overs");
    assert.equal(await page.getByRole("link", {name: "Open (1)"}).getAttribute("aria-current"), "true");
    await page.getByRole("link", {name: "leaver@example.com"}).click();
    const here = page.url();
    assert.equal(await heading(page), "Hand-over of leaver@example.com");
    assert.equal(await fact(page, "A successor joins"), "Office");
    assert.match(await fact(page, "Does not join"), /^Pushed\./);
    await page.getByRole("link", {name: "leaver@example.com"}).click();
    await page.getByRole("link", {name: /nobody has decided yet/}).click();
    assert.equal(page.url(), here);
    // The browser wants somebody, but not from whoever dismisses; the server wants it as well.
    await give(page).click();
    assert.equal(page.url(), here, "the browser holds it back");
    await unchecked(page);
    await page.getByLabel("Note").fill("kept, whatever happens");
    assert.equal(await send(page, give(page)), 422);
    await refused(page, "successor", /Say who takes over/, scripts);
    assert.equal(await page.getByLabel("Note").inputValue(), "kept, whatever happens");
    await page.getByLabel("Successor").fill("nobody@example.com");
    assert.equal(await send(page, give(page)), 422);
    await refused(page, "successor", /There is no person/, scripts);
    assert.equal(await page.getByLabel("Successor").inputValue(), "nobody@example.com");
    await page.getByRole("searchbox").fill("HOPPER");
    await page.getByRole("button", {name: "Search"}).click();
    await page.waitForURL(/\?q=HOPPER$/);
    const found = page.getByRole("radio");
    assert.equal(await found.count(), 1);
    assert.equal(await found.getAttribute("value"), grace);
    await page.getByLabel("Grace <i>Hopper</i>").check();
    await page.getByLabel("Note").fill("first line\nsecond <b>line</b>");
    const second = await page.context().newPage();
    await second.goto(here);
    await give(page).click();
    await page.waitForURL(t.url("/handovers"));
    assert.match(await page.locator(".empty").innerText(), /Nobody has anything to hand over/);
    await page.getByRole("link", {name: "Settled (1)"}).click();
    assert.match(await page.locator("tbody tr").innerText(), /Given to grace@example.com/);
    await page.getByRole("link", {name: "leaver@example.com"}).click();
    assert.equal(await fact(page, "Note"), "first line\nsecond <b>line</b>");
    assert.match(await fact(page, "Outcome"), /^Given to grace@example.com$/);
    // The other tab is late.
    assert.equal(await send(second, second.getByRole("button", {name: "Nothing to hand over"})), 409);
    assert.match(await second.locator("[role=alert]").innerText(), /done already/);
    assert.match(await second.title(), /^Error: /);
    assert.equal(await second.getByRole("button", {name: "Nothing to hand over"}).count(), 0);
    const groups = (await app.scim(token, "GET", `/Users/${grace}`)).body.groups.map((group) => group.display);
    assert.deepEqual(groups, ["Office"]);
});

both("leaving: whoever dismisses types nothing", async (t) => {
    const app = await prepared(t);
    const token = app.token();
    const leaver = await app.user(token, "leaver@example.com");
    await app.scim(token, "DELETE", `/Users/${leaver}`);
    const page = await t.signedIn();
    const [[number]] = app.sql("select id from handover");
    await page.goto(t.url(`/handovers/${number}`));
    assert.match(await fact(page, "Who left"), /deleted/);
    await page.getByRole("button", {name: "Nothing to hand over"}).click();
    await page.waitForURL(t.url("/handovers"));
    assert.deepEqual(app.sql("select status, note from handover"), [["dismissed", null]]);
});

both("leaving: deleted people and archived groups come back", async (t) => {
    const app = await prepared(t);
    const token = app.token();
    const page = await t.signedIn();
    await page.goto(t.url("/people"));
    await page.getByRole("link", {name: "Deleted (0)"}).click();
    assert.match(await page.locator(".empty").innerText(), /Nobody who was deleted is kept/);
    const leaver = await app.user(token, "leaver@example.com", {displayName: "Lee Leaver"});
    const crew = await app.group(token, "Crew", [leaver]);
    const closing = await app.group(token, "Closing", [leaver]);
    for (const path of [`/Groups/${crew}`, `/Users/${leaver}`, `/Groups/${closing}`]) await app.scim(token, "DELETE", path);
    await app.group(token, "CREW", []);
    await page.reload();
    await page.getByRole("link", {name: "Lee Leaver"}).click();
    assert.match(await fact(page, "Record goes for good"), /After its hand-over/);
    await page.getByRole("link", {name: "Restore", exact: true}).click();
    assert.equal(await heading(page), "Restore leaver@example.com?");
    assert.match(await fact(page, "No longer there"), /Closing/);
    await page.getByRole("button", {name: "Restore the person"}).click();
    await page.waitForURL((url) => url.pathname.replaceAll("%2D", "-") === `/people/${leaver}`);
    assert.match(await heading(page), /^Lee Leaver/);
    await page.goto(t.url("/groups"));
    await page.getByRole("link", {name: "Archived (2)"}).click();
    await page.getByRole("link", {name: "Crew", exact: true}).click();
    await page.getByRole("link", {name: "Restore", exact: true}).click();
    assert.match(await fact(page, "Name"), /^Crew_Unarchived, because/);
    assert.match(await fact(page, "Members"), /^1 of 1 come back: leaver@example.com$/);
    await page.getByRole("button", {name: "Restore the group"}).click();
    await page.waitForURL(/\/groups\//);
    assert.equal(await heading(page), "Crew_Unarchived");
});

both("leaving: the guard ends when somebody has looked", async (t) => {
    const app = await prepared(t, "[guard]\npercent = 0\ncount = 3\n");
    const token = app.token();
    for (let i = 0; i < 3; i++) {
        const id = await app.user(token, `p${i}@example.com`);
        await app.patch(token, `/Users/${id}`, {op: "replace", path: "active", value: false});
    }
    const page = await t.signedIn();
    const banner = page.locator(".banner", {hasText: "3 people were deactivated or deleted"});
    await banner.getByRole("link", {name: "Look at them"}).click();
    assert.equal(await heading(page), "Very many people left");
    assert.equal(await page.locator("tbody tr").count(), 3);
    await app.age("authenticated", 6);
    await page.reload();
    await page.getByLabel("Your password").fill(PASSWORD);
    await page.getByRole("button", {name: "I have looked: let the consequences go on"}).click();
    await page.waitForURL(t.url("/"));
    assert.equal(await banner.count(), 0);
});

test("leaving: the pages are walked through with the keyboard", async (t) => {
    const app = await prepared(t);
    const token = app.token();
    const leaver = await app.user(token, "leaver@example.com");
    await app.user(token, "grace@example.com");
    await app.patch(token, `/Users/${leaver}`, {op: "replace", path: "active", value: false});
    const page = await t.signedIn();
    const [[number]] = app.sql("select id from handover");
    await page.goto(t.url(`/handovers/${number}`));
    await page.getByRole("searchbox").focus();
    await page.keyboard.type("grace");
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=grace/);
    await page.getByRole("searchbox").focus();
    for (const key of ["Tab", "Tab", "Space", "Tab", "Tab"]) await page.keyboard.press(key);
    await page.keyboard.type("by keys alone");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL(t.url("/handovers"));
    assert.deepEqual(app.sql("select status, note from handover"), [["done", "by keys alone"]]);
});
