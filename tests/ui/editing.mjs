// People and groups that are made, changed and taken away on the page.

import {assert, both, heading, PASSWORD, refused, send, test, unchecked} from "./harness.mjs";

const prepared = (t) =>
    t.appliance((app) => {
        app.admin();
        app.on();
    });
const button = (page, name) => page.getByRole("button", {name, exact: true});
const link = (page, name) => page.locator("main").getByRole("link", {name, exact: true});

both("editing: a person from the first to the last day", async (t, scripts) => {
    const app = await prepared(t);
    const token = app.token();
    await app.user(token, "grace@example.com", {displayName: "Grace Murray"});
    const page = await t.signedIn();
    await page.goto(t.url("/people"));
    await link(page, "Add a person").click();
    await unchecked(page).catch(() => {});
    await page.getByLabel("userName").fill("GRACE@example.com");
    await page.getByLabel("Title").fill("Analyst");
    assert.equal(await send(page, button(page, "Add the person")), 409);
    await refused(page, "user-name", /Somebody else has this userName already/, scripts);
    assert.equal(await page.getByLabel("Title").inputValue(), "Analyst");
    await page.getByLabel("userName").fill("ada@example.com");
    await page.getByLabel("Given name").fill("Ada");
    await page.getByLabel("Family name").fill("Lovelace");
    await page.getByLabel("Work e-mail").fill("ada@example.com");
    await button(page, "Add the person").click();
    await page.waitForURL(/\/people\/[0-9a-f-]{36}$/);
    const here = page.url();
    const id = here.split("/").at(-1);
    assert.equal((await heading(page)).replace(/\s+/g, " "), "Ada Lovelace Active");

    await link(page, "Edit").click();
    assert.equal(await heading(page), "Edit Ada Lovelace");
    assert.equal(await page.getByLabel("Work e-mail").inputValue(), "ada@example.com");
    await page.getByLabel("Department").fill("Engines");
    await page.getByLabel("Title").fill("");
    await button(page, "Save the changes").click();
    await page.waitForURL(here);
    const user = (await app.scim(token, "GET", `/Users/${id}`)).body;
    assert.equal(user["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"].department, "Engines");
    assert.equal(user.title, undefined);

    await link(page, "Deactivate").click();
    assert.equal(await heading(page), "Deactivate Ada Lovelace?");
    await page.getByLabel("Successor").fill("nobody");
    assert.equal(await send(page, button(page, "Deactivate the person")), 422);
    await refused(page, "successor", /nobody/, scripts);
    await page.getByLabel("Successor").fill("grace@example.com");
    await page.getByLabel("Note").fill("Team of Q4\nand the keys");
    await button(page, "Deactivate the person").click();
    await page.waitForURL(here);
    assert.match(await page.locator("main").innerText(), /Given to grace@example\.com by Grace Hopper/);
    await link(page, "Reactivate").click();
    await button(page, "Reactivate the person").click();
    await page.waitForURL(here);
    assert.match(await heading(page), /Active/);

    await app.age("authenticated", 6);
    await link(page, "Delete").click();
    await page.getByLabel("Your password").fill(PASSWORD);
    await button(page, "Delete the person").click();
    await page.waitForURL(here);
    assert.match(await page.locator("main").innerText(), /Deleted .+ by Grace Hopper/);
    assert.equal((await app.scim(token, "GET", `/Users/${id}`)).status, 404);
});

both("editing: what a push will write over, and whoever was first", async (t) => {
    const app = await prepared(t);
    const token = app.token("okta-2026");
    const id = await app.user(token, "ada@example.com", {displayName: "Ada Lovelace", title: "Analyst"});
    const page = await t.signedIn();
    await page.goto(t.url(`/people/${id}`));
    assert.equal(await link(page, "Edited here").count(), 0);
    await link(page, "Edit").click();
    await app.patch(token, `/Users/${id}`, {op: "replace", path: "displayName", value: "Ada King"});
    await app.patch(token, `/Users/${id}`, {op: "replace", path: "title", value: "Boss"});
    await page.getByLabel("Title").fill("Countess");
    assert.equal(await send(page, button(page, "Save the changes")), 409);
    assert.match(await page.title(), /^Error: /);
    assert.match(await page.locator("#title-error").innerText(), /This is “Boss” by now/);
    assert.equal(await page.getByLabel("Display name").inputValue(), "Ada King");
    assert.equal(await page.getByLabel("Title").inputValue(), "Countess");
    await button(page, "Save the changes").click();
    await page.waitForURL(t.url(`/people/${id}`));
    await link(page, "Edited here").click();
    const row = page.getByRole("region", {name: "What was edited here"}).locator("tbody tr");
    assert.match(await row.innerText(), /title\s+Countess\s+Boss\s+.*Grace Hopper\s+Will be written over with the next push of the whole profile/s);
});

both("editing: a group and its members", async (t, scripts) => {
    const app = await prepared(t);
    const token = app.token();
    for (const name of ["ada", "grace", "alan"]) await app.user(token, `${name}@example.com`);
    const page = await t.signedIn();
    await page.goto(t.url("/groups"));
    await link(page, "Create a group").click();
    await page.getByLabel("Name").fill("Office");
    await button(page, "Create the group").click();
    await page.waitForURL(/\/groups\/[0-9a-f-]{36}$/);
    const here = page.url();
    await link(page, "Add people").click();
    await page.getByLabel("People").fill("ada@example.com\nnobody\ngrace@example.com");
    assert.equal(await send(page, button(page, "Add the people")), 422);
    await refused(page, "people", /1 line names nobody/, scripts);
    assert.match(await page.locator("main").innerText(), /Line 2: there is nobody/);
    await page.getByLabel("People").fill("ada@example.com\ngrace@example.com");
    await button(page, "Add the people").click();
    await page.waitForURL(`${here}#members`);
    const rows = page.getByRole("region", {name: "The members"}).locator("tbody tr");
    assert.equal(await rows.count(), 2);
    await page.getByRole("button", {name: "Remove ada@example.com"}).click();
    await page.waitForFunction(() => document.querySelectorAll("#remove").length === 1 && document.querySelectorAll("button[form=remove]").length === 1);
    assert.match(await rows.innerText(), /grace@example\.com/);
    await link(page, "Rename").click();
    await page.getByLabel("Name").fill("Berlin");
    await button(page, "Rename the group").click();
    await page.waitForURL(here);
    assert.equal(await heading(page), "Berlin");
    await link(page, "Archive").click();
    await button(page, "Archive the group").click();
    await page.waitForURL(here);
    assert.match(await page.locator("main").innerText(), /Archived .+ by Grace Hopper/);
});

test("editing: a form that is sent twice is carried out once", async (t) => {
    const app = await prepared(t);
    const page = await t.signedIn();
    await page.goto(t.url("/people/new"));
    await page.getByLabel("userName").fill("ada@example.com");
    await button(page, "Add the person").dblclick();
    await page.waitForURL(/\/people\/[0-9a-f-]{36}$/);
    assert.deepEqual(app.sql("select count(*) from resource"), [[1]]);
});
