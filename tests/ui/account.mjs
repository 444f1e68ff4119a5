// The own account, and other administrators.

import {assert, both, heading, NAME, PASSWORD, refused, send, sessionCookie, signIn, unchecked, withCookie} from "./harness.mjs";
import {secondFactor} from "./sign_in.mjs";

const withAdmin = (t) => t.appliance((app) => app.admin());
const OTHER = "nanoseconds on the way to the moon";

both("account: the password is changed and other browsers are signed out", async (t, scripts) => {
    await withAdmin(t);
    const page = await t.signedIn();
    const other = await t.signedIn();
    const cookies = [await sessionCookie(page), await sessionCookie(other)];
    await page.goto(t.url("/account"));
    assert.equal(await page.locator("tbody tr").count(), 2);
    const button = page.getByRole("button", {name: "Change the password"});
    await unchecked(page);
    await page.getByLabel("Password now").fill("wrong wrong wrong");
    await page.getByLabel("New password", {exact: true}).fill(OTHER);
    assert.equal(await send(page, button), 422);
    await refused(page, "password", /not your password/, scripts);
    await page.getByLabel("Password now").fill(PASSWORD);
    await page.getByLabel("New password", {exact: true}).fill("too short");
    await unchecked(page);
    assert.equal(await send(page, button), 422);
    await refused(page, "new-password", /at least 12/, scripts);
    await page.getByLabel("Password now").fill(PASSWORD);
    await page.getByLabel("New password", {exact: true}).fill(OTHER);
    assert.equal(await send(page, button), 200);
    assert.match(await page.locator(".notice-ok").innerText(), /Your password is changed/);
    for (const cookie of cookies) assert.equal((await withCookie(t.url("/people"), cookie)).status, 303, "no old cookie is good");
    await page.goto(t.url("/people"));
    assert.equal(await heading(page), "People");
    await other.reload();
    await signIn(other, NAME, OTHER);
    await other.waitForURL(t.url("/"));
});

both("account: other browsers are listed and signed out", async (t) => {
    await withAdmin(t);
    const page = await t.signedIn();
    const others = [await t.signedIn({userAgent: "Lynx one"}), await t.signedIn({userAgent: "Lynx two"})];
    await page.goto(t.url("/account"));
    assert.equal(await page.locator("tbody tr").count(), 3);
    await page.getByRole("button", {name: "Sign out Lynx one"}).click();
    await page.getByText("Lynx one").waitFor({state: "detached"});
    await others[0].goto(t.url("/people"));
    assert.equal(await heading(others[0]), "Sign in");
    await others[1].goto(t.url("/people"));
    assert.equal(await heading(others[1]), "People");
    await page.getByRole("button", {name: "Sign out everywhere else"}).click();
    await page.getByText("Lynx two").waitFor({state: "detached"});
    assert.match(await page.locator("tbody tr").innerText(), /this one/);
});

both("account: other recovery codes, and no second factor any longer", async (t) => {
    const app = await withAdmin(t);
    const page = await t.signedIn();
    const {codes} = await secondFactor(page);
    await page.getByRole("link", {name: "I have stored them"}).click();
    assert.match(await page.locator("main").innerText(), /10 left/);
    await page.getByRole("button", {name: "Create new codes"}).click();
    await page.getByRole("heading", {name: "Store these codes now"}).waitFor();
    const fresh = await page.locator("#codes li").allInnerTexts();
    assert(fresh.every((code) => !codes.includes(code)));
    // A while later both have to be confirmed.
    await app.age("authenticated", 6);
    await page.goto(t.url("/account"));
    await unchecked(page);
    assert.equal(await send(page, page.getByRole("button", {name: "Remove the second factor"})), 403);
    assert.match(await page.locator("#confirm-error").innerText(), /not your password/);
    assert.match(await page.title(), /^Error: /);
    assert.equal(app.sql("select totp is null from admin")[0][0], 0);
});

both("admins: added, refused, and removed, but not the last one", async (t, scripts) => {
    await withAdmin(t);
    const page = await t.signedIn();
    await page.goto(t.url("/admins"));
    const add = page.getByRole("button", {name: "Add the administrator"});
    await page.getByLabel("Name", {exact: true}).fill(NAME.toUpperCase());
    await page.getByLabel("First password", {exact: true}).fill(OTHER);
    assert((await send(page, add)) >= 400);
    await refused(page, "name", /./, scripts);
    await page.getByLabel("Name", {exact: true}).fill("Ada");
    await page.getByLabel("First password", {exact: true}).fill("password1234");
    assert.equal(await send(page, add), 422);
    await refused(page, "new-password", /first passwords/, scripts);
    assert.equal(await page.getByLabel("Name", {exact: true}).inputValue(), "Ada");
    await page.getByLabel("First password", {exact: true}).fill(OTHER);
    await add.click();
    await page.getByRole("rowheader", {name: "Ada"}).waitFor();

    const ada = await t.page();
    await ada.goto(t.url("/sign-in"));
    await signIn(ada, "ada", OTHER);
    await ada.waitForURL(t.url("/"));
    await page.getByRole("link", {name: "Remove Ada"}).click();
    assert.equal(await heading(page), "Remove Ada?");
    await page.getByRole("button", {name: "Remove the administrator"}).click();
    await page.waitForURL("**/admins");
    assert.equal(await page.getByText("Ada", {exact: true}).count(), 0);
    await ada.reload();
    assert.equal(await heading(ada), "Sign in");

    const [[id]] = t.app.sql("select id from admin");
    await page.goto(t.url(`/admins/${id}/remove`));
    assert.match(await page.locator("[role=alert]").innerText(), /last administrator/);
    assert.equal(await page.locator("main form").count(), 0);
});
