// The provisioning page: its states, what is copied from it, and how it follows what happens.

import {assert, both, heading, OKTA, PASSWORD, refused, send, sessionCookie, signIn, test, unchecked, withCookie} from "./harness.mjs";

const URL_BUTTON = "Copy the SCIM endpoint URL";

both("provisioning: checklist, acknowledgement, on, pause, read-only, off", async (t, scripts) => {
    const app = await t.appliance((app) => app.admin());
    const token = app.token();
    const page = await t.signedIn();
    const status = async (method = "GET", body) => (await app.scim(token, method, "/Users", body)).status;
    await page.goto(t.url("/provisioning"));
    assert.equal(await heading(page), "Provisioning is off");
    assert.equal(await status(), 403);
    const check = (title) => page.locator("[data-live=before] .step", {hasText: title});
    assert.match(await check("Token").getAttribute("class"), /is-done/);
    assert.doesNotMatch(await check("Single sign-on").first().getAttribute("class"), /is-done/);
    assert.match(await page.locator("main").innerText(), /Only this machine can reach it/, "a loopback address is warned of");

    // The box has to be ticked, whatever the browser thinks.
    await unchecked(page);
    const on = page.getByRole("button", {name: "Turn provisioning on"});
    assert.equal(await send(page, on), 422);
    await refused(page, "acknowledge", /Tick this box/, scripts);
    assert.equal(await status(), 403);
    await page.getByLabel("Go on without single sign-on").check();
    await on.click();
    await page.getByRole("heading", {name: "Provisioning is on"}).waitFor();
    assert.match(await page.locator("main").innerText(), /Pause or turn off/);
    assert.equal(await status(), 200);

    await page.getByRole("link", {name: "Pause", exact: true}).click();
    assert.equal(await heading(page), "Pause provisioning?");
    assert.match(await page.locator("main").innerText(), /503 for every request/);
    await page.getByRole("link", {name: "Keep it on"}).click();
    assert.equal(await heading(page), "Provisioning is on");
    await page.getByRole("link", {name: "Pause", exact: true}).click();
    await page.getByRole("button", {name: "Pause provisioning"}).click();
    await page.getByRole("heading", {name: "Provisioning is paused"}).waitFor();
    assert.equal(await status(), 503);

    await page.getByRole("link", {name: "Make it read-only"}).click();
    await page.getByRole("button", {name: "Make it read-only"}).click();
    await page.getByRole("heading", {name: "Provisioning is read-only"}).waitFor();
    assert.equal(await status(), 200);
    assert.equal(await status("POST", {schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], userName: "x"}), 403);

    // One click is enough to open it again: the word was given.
    await page.getByRole("button", {name: "Turn provisioning on"}).click();
    await page.getByRole("heading", {name: "Provisioning is on"}).waitFor();
    await app.user(token, "ada@example.com");

    // Off asks who it is when that was a while ago.
    await app.age("authenticated", 6);
    await page.getByRole("link", {name: "Turn provisioning off"}).click();
    assert.match(await page.locator("main").innerText(), /1 active and 0 deactivated people stay as they are/);
    const off = page.getByRole("button", {name: "Turn provisioning off"});
    await unchecked(page);
    assert.equal(await send(page, off), 403);
    assert.match(await page.locator("#confirm-error").innerText(), /not your password/);
    assert.equal(await status(), 200);
    await page.getByLabel("Your password").fill("wrong wrong wrong");
    assert.equal(await send(page, off), 403);
    const before = await sessionCookie(page);
    await page.getByLabel("Your password").fill(PASSWORD);
    await off.click();
    await page.getByRole("heading", {name: "Provisioning is off"}).waitFor();
    assert.equal(await status(), 403);
    assert.notEqual(await sessionCookie(page), before, "the cookie is another one");
    assert.equal((await withCookie(t.url("/people"), before)).status, 303);
    assert.match(await check("Single sign-on").first().innerText(), /Grace Hopper decided on \d{4}-\d\d-\d\d \d\d:\d\d UTC to go on without it/);
    // The token is still there.
    assert.match(await page.locator("[data-live=tokens]").innerText(), /okta-2026/);
});

test("provisioning: copying says so, also where there is no clipboard", async (t) => {
    const app = await t.appliance((app) => app.admin());
    const page = await t.signedIn({permissions: ["clipboard-read", "clipboard-write"]});
    await page.goto(t.url("/provisioning"));
    const region = page.locator("body > [role=status]");
    await page.getByRole("button", {name: URL_BUTTON}).click();
    await page.waitForFunction(() => document.querySelector("body > [role=status]").textContent === "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${app.base}/scim/v2`);
    // Each value of the guide has a button of its own.
    const copies = page.locator("#connect").locator("xpath=ancestor::section").locator("[data-copy]");
    assert((await copies.count()) >= 1);
    await copies.first().click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${app.base}/scim/v2`);

    const refusing = await t.signedIn();
    await refusing.goto(t.url("/provisioning"));
    await refusing.evaluate(() => {
        Object.defineProperty(navigator, "clipboard", {value: {writeText: () => Promise.reject(new Error("no"))}});
        document.execCommand = () => false;
    });
    await refusing.getByRole("button", {name: URL_BUTTON}).click();
    await refusing.waitForFunction(() => /Copying is not allowed here/.test(document.querySelector("body > [role=status]").textContent));
    assert.equal(await refusing.evaluate(() => document.activeElement.id), "endpoint", "the text is selected instead");
    assert.equal(await region.count(), 1);
});

test("provisioning: buttons that need scripts are not there without them", async (t) => {
    await t.appliance((app) => app.admin());
    const page = await t.signedIn({scripts: false});
    await page.goto(t.url("/provisioning"));
    for (const what of ["[data-copy]", "[data-download]", "[data-reveal]", "[data-live-toggle]"]) {
        for (const element of await page.locator(what).all()) assert(!(await element.isVisible()), what);
    }
    assert.equal(await page.locator("#endpoint").inputValue(), `${t.app.base}/scim/v2`);
});

test("provisioning: a request shows within five seconds, and steps tick themselves", async (t) => {
    const app = await t.appliance((app) => {
        app.admin();
        app.on();
    });
    const token = app.token();
    const page = await t.signedIn();
    await page.goto(t.url("/provisioning?idp=okta"));
    await page.evaluate(() => (window.same = true));
    const step = (title) => page.locator("[data-live=connect] .step", {hasText: title});
    const done = (title) => page.locator("[data-live=connect] .step.is-done", {hasText: title}).waitFor({timeout: 9_000});
    assert.match(await step("Test Connector Configuration").innerText(), /Waiting for it/);
    await app.scim(token, "GET", `/Users?filter=${encodeURIComponent('userName eq "x"')}`);
    await done("Test Connector Configuration");
    await page.locator(".state", {hasText: `from ${OKTA}`}).waitFor();
    assert.match(await step("Test Connector Configuration").innerText(), /Seen/);
    const id = await app.user(token, "ada@example.com");
    await app.group(token, "Engineers", [id]);
    await done("Assign people");
    await done("Push groups");
    await app.patch(token, `/Users/${id}`, {op: "replace", value: {active: false}});
    await done("See somebody leave");
    assert.equal(await page.evaluate(() => window.same), true, "without a reload");
    // The other identity providers have the same ticks where they have the step.
    await page.getByRole("link", {name: "Microsoft Entra ID"}).click();
    await page.locator("[data-live=connect] .step.is-done", {hasText: "Test Connection"}).waitFor();
});

test("provisioning: looking on does not keep somebody signed in, and can be paused", async (t) => {
    const app = await t.appliance((app) => {
        app.admin();
        app.on();
    });
    const token = app.token();
    const page = await t.page();
    await page.clock.install();
    await page.goto(t.url("/sign-in?to=/provisioning"));
    await signIn(page);
    await page.getByRole("heading", {name: "Provisioning is on"}).waitFor();
    const live = () =>
        Promise.all([
            page.waitForResponse((response) => response.request().headers()["x-live"] === "1"),
            page.clock.fastForward(5_000),
        ]);
    const before = await app.lastSeen();
    await live();
    await live();
    assert.equal(await app.lastSeen(), before);

    await page.getByRole("button", {name: "Pause", exact: true}).click();
    await page.getByText("Updates are paused.").waitFor();
    await app.scim(token, "GET", "/Users", undefined, {agent: "Paused"});
    let asked = false;
    page.on("request", (request) => (asked ||= "x-live" in request.headers()));
    await page.clock.fastForward(5_000);
    await page.clock.fastForward(5_000);
    assert(!asked);
    await page.getByRole("button", {name: "Resume"}).click();
    await page.locator(".state", {hasText: "from Paused"}).waitFor();

    // What somebody types is not taken away.
    await page.locator("#endpoint").focus();
    await app.age("seen", 16);
    await page.clock.fastForward(5_000);
    await page.getByText("Updates have stopped. Reload the page to go on.").waitFor();
    await page.reload();
    assert.equal(await heading(page), "Sign in");
});
