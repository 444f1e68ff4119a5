// The first start.

import {assert, both, Hands, heading, NAME, OKTA, PASSWORD, refused, send, test, unchecked} from "./harness.mjs";

async function claim(page, app, hands = new Hands()) {
    await page.goto(app.base + "/");
    await page.waitForURL("**/setup");
    await page.getByLabel("Claim code").fill(app.code);
    await page.getByLabel("Your name").fill(NAME);
    await page.getByLabel("Password", {exact: true}).fill(PASSWORD);
    await hands.click(page.getByRole("button", {name: "Create the first administrator"}));
    await page.waitForURL("**/provisioning");
}

/** What Okta asks for when somebody presses "Test Connector Configuration". */
async function askLikeOkta(app, token) {
    const path = `/Users?filter=${encodeURIComponent('userName eq "test@example.com"')}&startIndex=1&count=100`;
    const {status, body} = await app.scim(token, "GET", path);
    assert.equal(status, 200);
    assert.equal(body.totalResults, 0);
}

test("first start to first contact in six actions", async (t) => {
    const app = await t.appliance();
    const page = await t.page();
    const hands = new Hands();
    await claim(page, app, hands);
    await hands.click(page.getByRole("link", {name: "Create token"}));
    await hands.click(page.getByRole("button", {name: "Create token"}));
    const token = await page.getByLabel(/^Token /).inputValue();
    await hands.click(page.getByRole("link", {name: "I have stored it"}));
    await hands.choose(page.getByLabel("Go on without single sign-on"));
    await hands.click(page.getByRole("button", {name: "Turn provisioning on"}));
    await page.getByRole("heading", {name: "Provisioning is on"}).waitFor();
    assert.match(await page.locator(".state").innerText(), /No identity provider has asked for anything yet/);
    await askLikeOkta(app, token);
    // The page says so by itself, within the five seconds of a refresh.
    await page.locator(".state", {hasText: `from ${OKTA} with the token okta-`}).waitFor({timeout: 9_000});
    await page.locator("#connect ~ *, .steps .is-done", {hasText: "Test Connector Configuration"}).first().waitFor();
    assert(hands.actions.length <= 6, hands.actions.join("\n"));
});

test("first start to first contact in six actions, without scripts", async (t) => {
    const app = await t.appliance();
    const page = await t.page({scripts: false});
    const hands = new Hands();
    await claim(page, app, hands);
    await hands.choose(page.getByLabel("Go on without single sign-on"));
    await hands.click(page.getByRole("button", {name: "Turn provisioning on"}));
    await hands.click(page.getByRole("link", {name: "Create token"}));
    await hands.click(page.getByRole("button", {name: "Create token"}));
    await askLikeOkta(app, await page.getByLabel(/^Token /).inputValue());
    await hands.click(page.getByRole("link", {name: "I have stored it"}));
    assert.match(await page.locator(".state").innerText(), new RegExp(`from ${OKTA} with the token okta-`));
    assert(hands.actions.length <= 6, hands.actions.join("\n"));
});

both("set-up says what is wrong beside the field and keeps what was typed", async (t, scripts) => {
    const app = await t.appliance();
    const page = await t.page();
    await page.goto(t.url("/setup"));
    const button = page.getByRole("button", {name: "Create the first administrator"});
    await page.getByLabel("Claim code").fill(app.code);
    await page.getByLabel("Your name").fill(NAME);
    for (const [weak, why] of [
        ["tiny pw", /at least 12 characters/],
        ["password1234", /first passwords/],
        ["Grace Hopper 1", /little more than a name/],
    ]) {
        await page.getByLabel("Password", {exact: true}).fill(weak);
        assert.equal(await send(page, button), 422);
        await refused(page, "password", why, scripts);
        assert.equal(await page.getByLabel("Claim code").inputValue(), app.code);
        assert.equal(await page.getByLabel("Your name").inputValue(), NAME);
        assert.equal(await page.getByLabel("Password", {exact: true}).inputValue(), "", "no page holds a password");
        assert(!(await page.content()).includes(weak));
    }
    // The link of the summary leads to the field.
    await page.locator('.notice-bad a[href="#password"]').click();
    if (scripts) assert(await page.locator("#password").evaluate((element) => element === document.activeElement));

    await page.getByLabel("Claim code").fill("AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GG");
    await page.getByLabel("Password", {exact: true}).fill(PASSWORD);
    assert.equal(await send(page, button), 403);
    await refused(page, "claim", /not the code that the server printed/, scripts);
    assert.equal(await page.getByLabel("Your name").inputValue(), NAME);

    await page.getByLabel("Claim code").fill("");
    await page.getByLabel("Your name").fill("");
    await unchecked(page);
    assert.equal(await send(page, button), 422);
    assert.equal(await page.locator(".notice-bad li").count(), 3, "all that is wrong is said at once");
    await refused(page, "claim", /Enter the code/, scripts);

    // However the code is written.
    await page.getByLabel("Claim code").fill(app.code.toLowerCase().replaceAll("-", " "));
    await page.getByLabel("Your name").fill(NAME);
    await page.getByLabel("Password", {exact: true}).fill(PASSWORD);
    await button.click();
    await page.waitForURL("**/provisioning");
    assert.equal(await heading(page), "Provisioning is off");
});

both("set-up is gone for ever", async (t) => {
    const app = await t.appliance();
    const page = await t.page();
    await claim(page, app);
    const code = app.code;
    const gone = async (browser) => {
        const answer = await browser.goto(t.url("/setup"));
        assert.equal(answer.status(), 404);
        assert.equal(await heading(browser), "There is nothing here");
    };
    const stranger = await t.page();
    await gone(page);
    await gone(stranger);
    await app.restart();
    assert.equal(app.code, undefined, "no other code is printed");
    await gone(stranger);
    const body = new URLSearchParams({claim: code, name: "eve", password: PASSWORD, csrf: "x"});
    const answer = await fetch(t.url("/setup"), {method: "POST", body, headers: {Origin: app.base}, redirect: "manual"});
    assert.equal(answer.status, 404);
    assert.equal(app.sql("select count(*) from admin")[0][0], 1);
});

both("set-up is over when the code is too old, and a restart gives another one", async (t) => {
    const app = await t.appliance();
    const old = app.code;
    app.endClaim();
    const page = await t.page();
    await page.goto(t.url("/setup"));
    assert.equal(await heading(page), "The claim code is no longer good");
    assert.equal(await page.locator("form").count(), 0);
    await app.restart();
    assert.notEqual(app.code, old);
    await page.goto(t.url("/setup"));
    await page.getByLabel("Claim code").fill(old);
    await page.getByLabel("Your name").fill(NAME);
    await page.getByLabel("Password", {exact: true}).fill(PASSWORD);
    assert.equal(await send(page, page.getByRole("button", {name: "Create the first administrator"})), 403);
    await claim(page, app);
});
