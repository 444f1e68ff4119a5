// Pages that say what did not work.

import {assert, both, heading, send, signIn, test, withCookie, sessionCookie} from "./harness.mjs";

const withAdmin = (t) => t.appliance((app) => app.admin());
const LEAKS = /sqlite|rusqlite|\.rs\b|panick|backtrace|at line|no such (table|column)|\/tmp\//i;

/** A page of an error: a sentence, the request id that the log has as well, and nothing about the inside. */
async function says(page, app, title) {
    assert.equal(await heading(page), title);
    const id = await page.locator("#request-id").innerText();
    assert.match(id, /^[\w-]+$/);
    for (let i = 0; i < 20 && !app.log.includes(`"${id}"`); i++) await page.waitForTimeout(50);
    assert(app.log.includes(`"${id}"`), "the log has the request id");
    assert.doesNotMatch(await page.locator("main").innerText(), LEAKS);
}

both("errors: nothing is here", async (t) => {
    const app = await withAdmin(t);
    const page = await t.signedIn();
    for (const path of ["/people/none", "/groups/none", "/tokens/none/revoke", "/admins/99/remove", "/admins/x/remove", "/nowhere", "/provisioning/sideways", "/help", "/setup"]) {
        const answer = await page.goto(t.url(path));
        assert.equal(answer.status(), 404, path);
        await says(page, app, "There is nothing here");
    }
    await page.getByRole("link", {name: "Go to the overview"}).click();
    await page.waitForURL(t.url("/"));
    // Who is not signed in learns nothing about what is here.
    const stranger = await t.page();
    for (const path of ["/people/none", "/nowhere"]) {
        await stranger.goto(t.url(path));
        assert.equal(await heading(stranger), "Sign in");
    }
});

both("errors: a form that has expired, or came from elsewhere", async (t) => {
    const app = await withAdmin(t);
    const page = await t.signedIn();
    await page.goto(t.url("/admins"));
    await page.getByLabel("Name", {exact: true}).fill("Eve");
    await page.getByLabel("First password", {exact: true}).fill("nanoseconds of copper wire 2");
    for (const wrong of ["", "0".repeat(32), undefined]) {
        await page.evaluate((value) => {
            for (const input of document.querySelectorAll("main input[name=csrf]")) {
                if (value === undefined) input.remove();
                else input.value = value;
            }
        }, wrong);
        assert.equal(await send(page, page.getByRole("button", {name: "Add the administrator"})), 403);
        await says(page, app, "This form has expired");
        await page.goBack();
        await page.waitForLoadState();
        if (new URL(page.url()).pathname !== "/admins" || (await page.locator("#name").count()) === 0) await page.goto(t.url("/admins"));
        await page.getByLabel("Name", {exact: true}).fill("Eve");
        await page.getByLabel("First password", {exact: true}).fill("nanoseconds of copper wire 2");
    }
    assert.equal(app.sql("select count(*) from admin")[0][0], 1);

    // The form of a session of before.
    const old = await page.context().newPage();
    await old.goto(t.url("/account"));
    await page.getByRole("button", {name: "Sign out"}).click();
    await page.waitForURL("**/sign-in");
    await signIn(page);
    await page.waitForURL(t.url("/"));
    assert.equal(await send(old, old.getByRole("button", {name: "Sign out"})), 403);
    await says(old, app, "This form has expired");

    // Another site, with everything that a browser would send along.
    const cookie = await sessionCookie(page);
    await page.goto(t.url("/account"));
    const csrf = await page.locator("input[name=csrf]").first().inputValue();
    for (const headers of [{Origin: "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {Origin: "null"}, {}]) {
        const answer = await fetch(t.url("/sign-out"), {
            method: "POST",
            body: new URLSearchParams({csrf}),
            headers: {Cookie: `scim-appliance=${cookie}`, ...headers},
            redirect: "manual",
        });
        assert.equal(answer.status, 403, JSON.stringify(headers));
    }
    assert.equal((await withCookie(t.url("/people"), cookie)).status, 200, "still signed in");
});

test("errors: a page of another site cannot send our forms, and cannot frame a page", async (t) => {
    const app = await withAdmin(t);
    const page = await t.signedIn();
    const foreign = "http://localhost:1/";
    await page.route(foreign, (route) =>
        route.fulfill({
            contentType: "text/html",
            body: `<title>x</title><form method="post" action="${app.base}/sign-out"><button>go</button></form><iframe src="${app.base}/"></iframe>`,
        }),
    );
    await page.goto(foreign);
    const frame = await page.locator("iframe").elementHandle();
    const inside = await frame.contentFrame();
    assert(!inside || !(await inside.content()).includes("Provisioning"), "not framed");
    const [answer] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === "POST"),
        page.getByRole("button", {name: "go"}).click(),
    ]);
    assert.equal(answer.status(), 403);
    await page.goto(t.url("/people"));
    assert.equal(await heading(page), "People");
    // That page was the foreign one, and that it could not frame us was reported.
    t.troubles = t.troubles.filter((what) => !what.includes(foreign) && !/frame/i.test(what));
});

both("errors: a mistake of the server has its request id and tells nothing", async (t) => {
    const app = await withAdmin(t);
    const page = await t.signedIn();
    app.sql("alter table admin rename column created_by to created_by_nobody");
    const answer = await page.goto(t.url("/admins"));
    assert.equal(answer.status(), 500);
    await says(page, app, "Something went wrong");
    app.sql("alter table admin rename column created_by_nobody to created_by");
    assert.equal((await page.goto(t.url("/admins"))).status(), 200);
});

test("errors: headers of every page", async (t) => {
    await withAdmin(t);
    const page = await t.signedIn();
    for (const path of ["/", "/provisioning", "/people", "/none", "/sign-in", "/account"]) {
        const headers = (await page.goto(t.url(path))).headers();
        assert.equal(headers["cache-control"], "no-store", path);
        assert.equal(headers["x-content-type-options"], "nosniff");
        assert.equal(headers["referrer-policy"], "no-referrer");
        assert.match(headers["content-security-policy"], /^default-src 'none'; script-src 'self'; style-src 'self';/);
        assert.doesNotMatch(headers["content-security-policy"], /unsafe|\*|data:/);
        assert.match(headers["content-security-policy"], /frame-ancestors 'none'/);
        const assets = await page.evaluate(() => [...document.querySelectorAll("link[href], script[src]")].map((e) => e.href || e.src));
        for (const asset of assets) {
            const answer = await fetch(asset);
            assert.equal(answer.status, 200);
            assert.match(answer.headers.get("cache-control"), /immutable/);
        }
    }
});
