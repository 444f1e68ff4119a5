// Signing in and out, and how a session ends.

import {
    assert, both, heading, NAME, PASSWORD, refused, send, sessionCookie, signIn, steadyTime, test, totp, unchecked, withCookie,
} from "./harness.mjs";

const withAdmin = (t) => t.appliance((app) => app.admin());
const button = (page) => page.getByRole("button", {name: "Sign in"});

/** Sets a second factor up, with the code of the step before this one, and answers the secret and the recovery codes. */
export async function secondFactor(page) {
    await page.goto(new URL("/account/second-factor", page.url()).href);
    await steadyTime();
    const secret = await page.locator("#totp-secret").innerText();
    await page.getByLabel("6-digit code").fill(totp(secret, -1));
    await page.getByRole("button", {name: "Turn the second factor on"}).click();
    await page.getByRole("heading", {name: "Store these codes now"}).waitFor();
    return {secret, codes: await page.locator("#codes li").allInnerTexts()};
}

both("sign-in leads to the page that was looked for", async (t) => {
    await withAdmin(t);
    const page = await t.page();
    await page.goto(t.url("/requests"));
    assert.equal(new URL(page.url()).pathname, "/sign-in");
    await signIn(page);
    await page.waitForURL("**/requests");
    assert.equal(await heading(page), "Requests");
    assert.match(await page.locator(".me").innerText(), new RegExp(NAME));
    // Only to pages of the list.
    const other = await t.page();
    await other.goto(t.url("/sign-in?to=https://example.com/"));
    await signIn(other, "grace HOPPER ");
    await other.waitForURL(t.url("/"));
});

both("sign-in says the same for a wrong password and an unknown name", async (t, scripts) => {
    await withAdmin(t);
    const page = await t.page();
    const answers = [];
    for (const [name, password] of [[NAME, "not the password at all"], ["Nobody Known", PASSWORD]]) {
        await page.goto(t.url("/sign-in"));
        await page.getByLabel("Name").fill(name);
        await page.getByLabel("Password", {exact: true}).fill(password);
        assert.equal(await send(page, button(page)), 403);
        assert.equal(await page.getByLabel("Name").inputValue(), name, "the name is kept");
        assert.equal(await page.getByLabel("Password", {exact: true}).inputValue(), "");
        assert.match(await page.title(), /^Error: /);
        if (scripts) assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "alert");
        answers.push((await page.content()).replaceAll(name, "NAME"));
    }
    assert.equal(answers[0], answers[1]);
    assert.match(answers[0], /The name or the password is wrong/);
    assert.equal(await sessionCookie(page), undefined);

    await page.goto(t.url("/sign-in"));
    await unchecked(page);
    assert.equal(await send(page, button(page)), 422);
    await refused(page, "name", /Enter your name/, scripts);
    await refused(page, "password", /Enter your password/, scripts);
});

both("wrong passwords make the account wait, and then it opens", async (t) => {
    await withAdmin(t);
    const page = await t.page();
    await page.goto(t.url("/sign-in"));
    let status;
    for (let i = 0; i < 6 && status !== 429; i++) {
        await page.getByLabel("Name").fill(NAME);
        await page.getByLabel("Password", {exact: true}).fill(`wrong password ${i}`);
        status = await send(page, button(page));
    }
    assert.equal(status, 429);
    assert.match(await page.locator("[role=alert]").innerText(), /Try again in [12] seconds/);
    await page.waitForTimeout(2_100);
    await signIn(page);
    await page.waitForURL(t.url("/"));
});

both("second factor: set up, asked for, and no code is good twice", async (t, scripts) => {
    await withAdmin(t);
    const page = await t.signedIn();
    await page.goto(t.url("/account/second-factor"));
    await page.getByLabel("6-digit code").fill("000000");
    assert.equal(await send(page, page.getByRole("button", {name: "Turn the second factor on"})), 422);
    await refused(page, "code", /not the code that the app shows/, scripts);
    const kept = await page.locator("#totp-secret").innerText();
    await steadyTime();
    await page.getByLabel("6-digit code").fill(totp(kept, -1));
    await page.getByRole("button", {name: "Turn the second factor on"}).click();
    await page.getByRole("heading", {name: "Store these codes now"}).waitFor();
    const codes = await page.locator("#codes li").allInnerTexts();
    assert.equal(codes.length, 10);
    await page.reload().catch(() => {});
    await page.goto(t.url("/account"));
    const account = await page.content();
    assert(!codes.some((code) => account.includes(code)) && !account.includes(kept), "shown once");

    // A password alone opens nothing.
    const other = await t.page();
    await other.goto(t.url("/people"));
    await signIn(other);
    await other.waitForURL(/\/sign-in\/code\?to=/);
    const half = await sessionCookie(other);
    assert.equal((await withCookie(t.url("/people"), half)).status, 303);
    for (const wrong of ["123456", totp(kept, -1)]) {
        await other.getByLabel("6-digit code").fill(wrong);
        assert.equal(await send(other, button(other)), 403);
        assert.match(await other.locator("[role=alert]").innerText(), /not good, or was used before/);
    }
    await steadyTime();
    const good = totp(kept);
    await other.getByLabel("6-digit code").fill(`${good.slice(0, 3)} ${good.slice(3)}`);
    await button(other).click();
    await other.waitForURL("**/people");
    const whole = await sessionCookie(other);
    assert.notEqual(whole, half, "the cookie is another one");

    // The same code again.
    const third = await t.page();
    await third.goto(t.url("/sign-in"));
    await signIn(third);
    await third.getByLabel("6-digit code").fill(good);
    assert.equal(await send(third, button(third)), 403);
    await third.getByLabel("6-digit code").fill(totp(kept, 1));
    await button(third).click();
    await third.waitForURL(t.url("/"));
});

both("a recovery code lets somebody in once", async (t) => {
    await withAdmin(t);
    const {codes} = await secondFactor(await t.signedIn());
    const enter = async (code) => {
        const page = await t.page();
        await page.goto(t.url("/sign-in"));
        await signIn(page);
        await page.getByRole("link", {name: "Use a recovery code"}).click();
        await page.getByLabel("Recovery code").fill(code);
        return [page, await send(page, button(page))];
    };
    const [page, status] = await enter(codes[3].toUpperCase().replaceAll("-", " "));
    assert.equal(status, 303);
    await page.waitForURL("**/account");
    assert.match(await page.locator("main").innerText(), /9 left/);
    const [again, refusedWith] = await enter(codes[3]);
    assert.equal(refusedWith, 403);
    assert.match(await again.locator("[role=alert]").innerText(), /no recovery code that is left/);
});

both("sign-out ends the session on the server as well", async (t) => {
    await withAdmin(t);
    const page = await t.signedIn();
    const cookie = await sessionCookie(page);
    assert.equal((await withCookie(t.url("/people"), cookie)).status, 200);
    // A GET changes nothing.
    await page.goto(t.url("/sign-out"));
    assert.equal((await withCookie(t.url("/people"), cookie)).status, 200);
    await page.getByRole("button", {name: "Sign out"}).click();
    await page.waitForURL("**/sign-in");
    assert.equal(await sessionCookie(page), undefined);
    const after = await withCookie(t.url("/people"), cookie);
    assert.equal(after.status, 303);
    assert.match(after.headers.get("location"), /^\/sign-in/);
    // Nor does the way back of the browser show anything.
    await page.goBack().catch(() => {});
    await page.waitForLoadState();
    assert.equal(await page.locator(".me").count(), 0);
});

both("a session ends after 15 minutes without a click, and after eight hours", async (t) => {
    const app = await withAdmin(t);
    const page = await t.signedIn();
    await page.goto(t.url("/groups"));
    await app.age("seen", 14);
    await page.reload();
    assert.equal(await heading(page), "Groups");
    await app.age("seen", 15.1);
    await page.reload();
    assert.equal(new URL(page.url()).pathname, "/sign-in");
    await signIn(page);
    await page.waitForURL("**/groups");
    await app.age("expires", 8 * 60);
    await page.reload();
    assert.equal(new URL(page.url()).pathname, "/sign-in");
});

test("the dialog before the time-out can be answered", async (t) => {
    const app = await withAdmin(t);
    const page = await t.page();
    await page.clock.install();
    await page.goto(t.url("/account"));
    await signIn(page);
    await page.getByRole("heading", {name: "Your account"}).waitFor();
    const dialog = page.locator("#idle");
    await page.locator("#password").focus();
    await page.clock.fastForward("12:50");
    assert(!(await dialog.isVisible()), "not yet");
    await page.clock.fastForward("00:15");
    await dialog.waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Stay signed in");
    assert.match(await dialog.innerText(), /You will be signed out in 2 minutes/);
    // The page behind cannot be reached.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert(await page.evaluate(() => document.activeElement === document.body || !!document.activeElement.closest("#idle")));
    const before = await app.lastSeen();
    const [answer] = await Promise.all([
        page.waitForResponse((response) => response.url() === t.url("/account")),
        page.getByRole("button", {name: "Stay signed in"}).click(),
    ]);
    assert.equal(answer.status(), 200);
    await dialog.waitFor({state: "hidden"});
    assert.equal(await page.evaluate(() => document.activeElement.id), "password", "the focus goes back");
    assert((await app.lastSeen()) > before, "and the server knows");

    // Esc is an answer, too.
    await page.clock.fastForward("13:05");
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({state: "hidden"});

    // Whoever does not answer is shown the sign-in page.
    await app.age("seen", 16);
    await page.clock.fastForward("13:05");
    await dialog.waitFor();
    await page.clock.fastForward("02:00");
    await page.waitForURL("**/sign-in?to=/account");
});
