// Tokens: made and shown once, rotated, revoked.

import {readFileSync} from "node:fs";
import {assert, both, heading, NAME, OKTA, PASSWORD, refused, send, test, unchecked} from "./harness.mjs";

const prepared = (t) =>
    t.appliance((app) => {
        app.admin();
        app.on();
    });
const works = async (app, token) => (await app.scim(token, "GET", "/Users?count=1")).status;

async function create(page, name) {
    await page.goto(new URL("/tokens/new", page.url()).href);
    await page.getByLabel("Name", {exact: true}).fill(name);
    const [answer] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === "POST"),
        page.getByRole("button", {name: "Create token"}).click(),
    ]);
    await page.getByRole("heading", {name: "Store this token now"}).waitFor();
    return [await page.locator("#token").inputValue(), answer];
}

both("tokens: shown once, and never again", async (t, scripts) => {
    const app = await prepared(t);
    const page = await t.signedIn();
    await page.goto(t.url("/provisioning"));
    await page.getByRole("link", {name: "Create token"}).click();
    await page.getByLabel("Name", {exact: true}).fill(" ");
    await page.getByLabel("Expires").selectOption("30d");
    await unchecked(page);
    assert.equal(await send(page, page.getByRole("button", {name: "Create token"})), 422);
    await refused(page, "name", /1 to 100 characters/, scripts);
    assert.equal(await page.getByLabel("Expires").inputValue(), "30d", "what was chosen is kept");
    const [token, answer] = await create(page, "okta-2026");
    assert.match(token, /^scimapp_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/);
    assert.match(answer.headers()["cache-control"], /no-store/);
    assert(!page.url().includes(token.slice(17)), "it is in no address");
    assert.equal(await works(app, token), 200);
    const secret = token.split("_")[2];
    const shown = async () => (await page.content()).includes(secret);
    assert(await shown());
    await page.getByRole("link", {name: "I have stored it"}).click();
    await page.waitForURL(/\/provisioning/);
    assert(!(await shown()));
    assert.match(await page.locator("[data-live=tokens]").innerText(), /okta-2026/);
    // The way back of the browser finds nothing: the page was not kept, and the form is not sent again by itself.
    await page.goBack().catch(() => {});
    await page.waitForTimeout(300);
    assert(!(await shown()));
    await page.goto(t.url("/provisioning"));
    await page.reload();
    assert(!(await shown()));
    assert(!app.log.includes(secret), "nor is it in the log");
    assert.equal(app.sql("select count(*) from token")[0][0], 1);
});

test("tokens: copied and downloaded", async (t) => {
    await prepared(t);
    const page = await t.signedIn({permissions: ["clipboard-read", "clipboard-write"], acceptDownloads: true});
    const [token] = await create(page, "okta/../2026");
    await page.getByRole("button", {name: "Copy", exact: true}).click();
    await page.waitForFunction(() => document.querySelector("body > [role=status]").textContent === "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), token);
    const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", {name: "Download .txt"}).click(),
    ]);
    assert.match(download.suggestedFilename(), /^[^/]+\.txt$/);
    assert.equal(readFileSync(await download.path(), "utf8"), `${token}\n`);
});

both("tokens: rotation waits for the first use of the new one, then offers to revoke the old one", async (t, scripts) => {
    const app = await prepared(t);
    const page = await t.signedIn();
    const [old] = await create(page, "okta-2025");
    assert.equal(await works(app, old), 200);
    await page.goto(t.url("/provisioning"));
    await page.getByRole("link", {name: "Rotate okta-2025"}).click();
    assert.equal(await heading(page), "Rotate the token okta-2025");
    const name = await page.getByLabel("Name", {exact: true}).inputValue();
    assert.match(name, /^okta-\d{4}-\d{2}$/, "a name that nobody has is proposed");
    await page.getByRole("button", {name: "Create the new token"}).click();
    const fresh = await page.locator("#token").inputValue();
    assert.match(await page.locator("main").innerText(), /The token okta-2025 goes on working/);
    await page.getByRole("link", {name: "I have stored it"}).click();
    const panel = page.locator(".panel", {hasText: `Rotation of okta-2025 to ${name}`});
    assert.match(await panel.innerText(), new RegExp(`Waiting for the first request with ${name}`));
    assert(await panel.getByRole("button", {name: "Revoke the old token"}).isDisabled());
    assert.equal(await works(app, old), 200, "both work meanwhile");
    assert.equal(await works(app, fresh), 200);
    const revoke = panel.getByRole("link", {name: "Revoke the old token"});
    if (!scripts) await page.reload();
    await revoke.waitFor({timeout: 9_000});
    assert.equal(await page.getByRole("link", {name: `Rotate ${name}`}).count(), 0, "one rotation at a time");
    await revoke.click();
    assert.equal(await heading(page), "Revoke the token okta-2025?");
    assert.match(await page.locator("main").innerText(), new RegExp(`was last used .* by ${OKTA}`));
    assert.match(await page.locator("main").innerText(), new RegExp(`${name} goes on working`));
    await page.getByRole("button", {name: "Revoke the token"}).click();
    await page.waitForURL(/\/provisioning/);
    assert.equal(await page.locator(".panel").count(), 0);
    assert.equal(await works(app, old), 401);
    assert.equal(await works(app, fresh), 200);
    assert.match(await page.locator("tr", {hasText: "okta-2025"}).innerText(), /Revoked/);
});

both("tokens: no more than two for provisioning, and the page says why", async (t) => {
    const app = await prepared(t);
    const page = await t.signedIn();
    await create(page, "one");
    await page.goto(t.url("/tokens/new"));
    const late = await page.context().newPage();
    await late.goto(t.url("/tokens/new"));
    await create(page, "two");
    // A form that was opened before.
    await late.getByLabel("Name", {exact: true}).fill("three");
    assert.equal(await send(late, late.getByRole("button", {name: "Create token"})), 409);
    assert.match(await late.locator(".notice-warn").innerText(), /no more than 2 may be at a time. Revoke one/);
    assert.equal(await late.getByLabel("Name", {exact: true}).inputValue(), "three");
    await page.goto(t.url("/provisioning"));
    assert.equal(await page.getByRole("link", {name: "Create token", exact: true}).count(), 0);
    assert.match(await page.locator("[data-live=tokens]").innerText(), /2 tokens for provisioning may be good at a time/);
    // One that reads only is another kind.
    await page.getByRole("link", {name: "Create a token of another kind"}).click();
    assert(await page.getByLabel("Provisioning", {exact: true}).isDisabled());
    assert(await page.getByLabel("Reading", {exact: true}).isChecked());
    await page.getByLabel("Name", {exact: true}).fill("audit");
    await page.getByRole("button", {name: "Create token"}).click();
    const token = await page.locator("#token").inputValue();
    assert.equal(await works(app, token), 200);
    assert.equal((await app.scim(token, "DELETE", "/Users/1")).status, 403);
});

both("tokens: making and revoking asks who it is after five minutes", async (t, scripts) => {
    const app = await prepared(t);
    const page = await t.signedIn();
    const [token] = await create(page, "okta");
    await app.age("authenticated", 4.5);
    await page.goto(t.url("/tokens/new"));
    assert.equal(await page.getByLabel("Your password").count(), 0, "it is not a while yet");
    // The form was opened before, and is sent after.
    await app.age("authenticated", 1);
    await page.getByLabel("Name", {exact: true}).fill("second");
    assert.equal(await send(page, page.getByRole("button", {name: "Create token"})), 403);
    assert.match(await page.locator("#confirm-error").innerText(), /It is a while since you signed in/);
    assert.equal(await page.getByLabel("Name", {exact: true}).inputValue(), "second");
    if (scripts) assert.equal(await page.evaluate(() => document.activeElement.id), "confirm-password");
    await page.getByLabel("Your password").fill("wrong wrong wrong");
    assert.equal(await send(page, page.getByRole("button", {name: "Create token"})), 403);
    assert.match(await page.locator("#confirm-error").innerText(), /not your password/);
    assert.equal(app.sql("select count(*) from token")[0][0], 1);

    await page.goto(t.url("/provisioning"));
    await page.getByRole("link", {name: "Revoke okta"}).click();
    await unchecked(page);
    assert.equal(await send(page, page.getByRole("button", {name: "Revoke the token"})), 403);
    assert.equal(await works(app, token), 200);
    await page.getByLabel("Your password").fill(PASSWORD);
    await page.getByRole("button", {name: "Revoke the token"}).click();
    await page.waitForURL(/\/provisioning/);
    assert.equal(await works(app, token), 401);
    // That counts for the next five minutes.
    await page.goto(t.url("/tokens/new"));
    assert.equal(await page.getByLabel("Your password").count(), 0);
    assert.match(app.sql("select created_by from token")[0][0], new RegExp(NAME));
});

both("tokens: one that ends soon is warned of on every page", async (t) => {
    const app = await prepared(t);
    app.token("okta-2026", "--expires", "30d");
    app.sql("update token set expires = expires - ?", 20 * 86_400_000_000);
    app.sql("update generation set control = control + 1");
    const page = await t.signedIn();
    for (const path of ["/", "/people", "/account"]) {
        await page.goto(t.url(path));
        assert.match(await page.getByRole("region", {name: "Warnings"}).innerText(), /The token okta-2026 ends in (9|10) days/);
    }
    await page.goto(t.url("/provisioning"));
    assert.match(await page.locator("tr", {hasText: "okta-2026"}).innerText(), /Expires soon/);
});
