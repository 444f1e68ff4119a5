// The page of recent requests.

import {assert, both, OKTA, test} from "./harness.mjs";

const prepared = (t) =>
    t.appliance((app) => {
        app.admin();
        app.on();
    });
const rows = (page) => page.locator("tbody tr");

both("requests: entries, filters and a wrong token", async (t) => {
    const app = await prepared(t);
    const token = app.token("okta-2026");
    const page = await t.signedIn();
    await page.goto(t.url("/requests"));
    assert.match(await page.locator(".empty").innerText(), /No request has arrived yet/);
    const id = await app.user(token, "ada@example.com");
    await app.scim(token, "GET", `/Users?filter=${encodeURIComponent('userName eq "secret-name@example.com"')}`);
    await app.scim(token, "GET", "/Users/does-not-exist", undefined, {agent: "curl/8.0"});
    await app.scim(token, "DELETE", `/Users/${id}`);
    await app.scim("scimapp_wrongone_nothing", "GET", "/Users", undefined, {agent: "Scanner"});
    await app.scim(undefined, "GET", "/Users", undefined, {agent: ""});
    await page.reload();
    assert.equal(await rows(page).count(), 6);
    const text = await page.locator("main").innerText();
    assert(!text.includes("secret-name") && !text.includes("nothing"), "no values, no tokens");
    const scanner = rows(page).filter({hasText: "Scanner"});
    assert.match(await scanner.innerText(), /no good token[\s\S]*401 Unauthorized/);
    assert.match(await rows(page).filter({hasText: "curl/8.0"}).innerText(), /okta-2026[\s\S]*404 Not Found/);
    assert.match(await rows(page).filter({hasText: "201 Created"}).innerText(), new RegExp(`${OKTA.replaceAll(".", "\\.")}[\\s\\S]*127\\.0\\.0\\.1[\\s\\S]*POST`));

    const filter = async (choose, count) => {
        await page.goto(t.url("/requests"));
        await choose();
        await page.getByRole("button", {name: "Filter", exact: true}).click();
        await page.waitForURL(/\?/);
        assert.equal(await rows(page).count(), count, page.url());
        // What was chosen is still there.
        return page.getByRole("link", {name: "Clear the filter"}).first();
    };
    await filter(() => page.getByLabel("Client").fill("okta"), 3);
    assert.equal(await page.getByLabel("Client").inputValue(), "okta");
    await filter(() => page.getByLabel("Method").selectOption("DELETE"), 1);
    assert.equal(await page.getByLabel("Method").inputValue(), "DELETE");
    await filter(() => page.getByLabel("Status").selectOption("refused"), 1);
    await filter(() => page.getByLabel("Status").selectOption("401"), 2);
    await filter(() => page.getByLabel("Token").selectOption({label: "okta-2026"}), 4);
    await filter(() => page.getByLabel("Token").selectOption("none"), 2);
    const clear = await filter(() => page.getByLabel("Client").fill("nobody"), 0);
    assert.match(await page.locator(".empty").innerText(), /No request matches/);
    await clear.click();
    assert.equal(await rows(page).count(), 6);
    // A number in the address works as well.
    await page.goto(t.url("/requests?status=404"));
    assert.equal(await rows(page).count(), 1);
});

test("requests: new ones come in by themselves, and a filter is kept", async (t) => {
    const app = await prepared(t);
    const token = app.token("okta-2026");
    const page = await t.signedIn();
    await page.goto(t.url("/requests?client=okta"));
    await app.scim(token, "GET", "/Users?count=1");
    await app.scim(token, "GET", "/Users?count=1", undefined, {agent: "curl/8.0"});
    await rows(page).first().waitFor({timeout: 9_000});
    assert.equal(await rows(page).count(), 1);
    assert.match(await rows(page).innerText(), new RegExp(OKTA));
    // The overview counts both.
    await page.goto(t.url("/"));
    assert.match(await page.locator(".chart .legend").innerText(), /2 answered/);
});

both("requests: fifty on a page, and the newest first", async (t) => {
    const app = await prepared(t);
    const token = app.token();
    for (let i = 0; i < 60; i++) await app.scim(token, "GET", "/Users?count=1", undefined, {agent: `client-${i}`});
    const page = await t.signedIn();
    await page.goto(t.url("/requests"));
    assert.equal(await rows(page).count(), 50);
    assert.match(await rows(page).first().innerText(), /client-59/);
    await page.getByRole("link", {name: "Next"}).click();
    await page.getByText("51 to 60 of 60").waitFor();
    assert.match(await rows(page).last().innerText(), /client-0/);
});
