// Automatic deactivation. Since when single sign-on is on is written into the file, and so is the past.

import {assert, both, refused, send, SET_UP, test, unchecked} from "./harness.mjs";

const DAY = 86_400_000_000;
const HERE = "/provisioning/idle";
const people = (page) => page.getByRole("region", {name: "People without contact"}).locator("tbody th[scope=row]").allInnerTexts();

/** An appliance with some people whom nobody was heard of for 200 days; single sign-on is on for 100. */
async function prepared(t, count) {
    const app = await t.appliance((app) => {
        app.admin();
        app.on();
    });
    const token = app.token();
    const ids = [];
    for (let i = 0; i < count; i++) ids.push(await app.user(token, `person${i}@example.com`));
    await app.restart(() => {
        const now = Date.now() * 1000;
        app.sql("insert into setting values ('sso_since', ?), ('sso', ?)", String(now - 100 * DAY), SET_UP);
        app.sql("update resource set created = ?, modified = ? - pk", now - 200 * DAY, now - 200 * DAY);
    });
    return {app, token, ids};
}

both("idle: the number of days is checked, and what was typed is kept", async (t, scripts) => {
    await t.appliance((app) => app.admin());
    const page = await t.signedIn();
    await page.goto(t.url("/provisioning"));
    await page.getByRole("link", {name: "Deactivate people without sign-in or contact"}).click();
    await page.waitForURL(t.url(HERE));
    assert.match(await page.locator("main").innerText(), /it is off/);
    const on = page.getByRole("button", {name: "Switch it on"});
    await page.getByLabel("Days without sign-in or contact").fill("1000");
    await unchecked(page);
    if (!scripts) await page.locator("#days").evaluate((input) => input.form.setAttribute("novalidate", ""));
    assert.equal(await send(page, on), 422);
    await refused(page, "days", /a whole number from 7 to 999/, scripts);
    assert.equal(await page.locator("#days").inputValue(), "1000");
    await page.locator("#days").fill("30");
    assert.equal(await send(page, on), 409);
    await refused(page, "days", /Single sign-on has to be on for 30 days; it is off/, scripts);
});

both("idle: announced, with those whom it will take; exempt, and off again", async (t) => {
    const {app, token, ids} = await prepared(t, 4);
    const page = await t.signedIn();
    await page.goto(t.url(HERE));
    assert.match(await page.locator("main").innerText(), /If it were switched on now, for 90 days, 4 people by/);
    await page.getByRole("button", {name: "Switch it on"}).click();
    await page.getByText("4 people will be deactivated").waitFor();
    assert.deepEqual(await people(page), [3, 2, 1, 0].map((i) => `person${i}@example.com`));
    await page.getByRole("button", {name: "Exempt person2@example.com"}).click();
    await page.getByText("3 people will be deactivated").waitFor();
    // Somebody is heard of.
    await app.patch(token, `/Users/${ids[0]}`, {op: "replace", path: "title", value: "Here"});
    await page.goto(t.url("/"));
    await page.getByRole("link", {name: "Look at who"}).click();
    await page.getByText("2 people will be deactivated").waitFor();
    await page.getByRole("button", {name: "End the exemption of person2@example.com"}).click();
    await page.getByText("3 people will be deactivated").waitFor();
    await page.getByRole("button", {name: "Switch it off"}).click();
    await page.getByText("Automatic deactivation is off.").waitFor();
    assert.deepEqual(app.sql("select count(*) from idle"), [[0]]);
});

test("idle: what is due is done while the page is open", async (t) => {
    const {app} = await prepared(t, 2);
    const page = await t.signedIn();
    await page.goto(t.url(HERE));
    await page.getByRole("button", {name: "Switch it on"}).click();
    await page.getByText("2 people will be deactivated").waitFor();
    app.sql("update idle set due = announced");
    for (let i = 0; i < 40 && app.sql("select ran from idle")[0][0] === null; i++) await page.waitForTimeout(500);
    await page.reload();
    await page.getByText("Automatic deactivation is on").waitFor();
    await page.goto(t.url("/"));
    await page.getByText("2 people have left without a hand-over").waitFor();
});
