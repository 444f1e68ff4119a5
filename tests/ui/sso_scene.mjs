// What the tests of single sign-on share that have providers of others: how it is set up, and how people come and go.

import {people} from "../sso/providers.mjs";
import {assert, heading, send, sessionCookie, withCookie} from "./harness.mjs";

export const CONFIG = `[listen]
address = "127.0.0.1:0"
[outbound]
allow = ["127.0.0.0/8", "::1/128"]
allow_http = true
`;
export const SSO = "/sign-in/sso";
export const ADMIN = [{value: "ORGANIZATION_ADMINISTRATOR"}];

/** An appliance whose people came by SCIM, and a provider that knows them. */
export async function prepared(t, provider, config = CONFIG) {
    const app = await t.appliance((app) => {
        app.admin();
        if (config === CONFIG) app.on();
    }, config);
    await provider.start();
    t.after(() => provider.stop());
    t.allow(new URL(provider.issuer).origin);
    const page = await t.signedIn();
    if (config !== CONFIG) return {app, page, provider};
    return {app, page, provider, ...(await assign(app))};
}

/** The identity provider makes its people. */
export async function assign(app) {
    const token = app.token();
    const ada = await app.user(token, "ada@example.com", {externalId: people.ada.sub, displayName: "Ada", roles: ADMIN});
    const bob = await app.user(token, "bob@example.com", {externalId: people.bob.sub, displayName: "Bob"});
    await app.group(token, "Networks", [bob]);
    return {token, ada, bob};
}

/** Fills in the page as an administrator does, with what the provider shows. */
export async function fill(page, {issuer, client}) {
    await page.getByRole("combobox", {name: "Identity provider"}).selectOption({label: "Other"});
    await page.getByLabel("Issuer").fill(issuer);
    await page.getByLabel("Client id").fill(client.client_id);
    await page.getByLabel("Client secret").fill(client.client_secret);
}

/** Gives our addresses to the provider, as the page shows them. */
export async function register(t, page, provider) {
    await page.goto(t.url("/sso?idp=other"));
    const shown = await page.getByRole("region", {name: "At your identity provider"}).locator("code").allInnerTexts();
    const ending = (path) => shown.filter((text) => text === t.url(path));
    await provider.register(ending(`${SSO}/callback`), ending("/sign-in"));
}

/** Sets it up: gives our addresses to the provider, and what the provider shows to us. */
export async function setUp(t, page, provider, more) {
    await register(t, page, provider);
    await fill(page, provider);
    await more?.(page);
    assert.equal(await send(page, page.getByRole("button", {name: "Save"})), 303);
}

/** Tests it as somebody, and answers what the page says of that. */
export async function tried(t, page, provider, who = people.ada) {
    await page.goto(t.url("/sso"));
    await page.getByRole("link", {name: "Test sign-in"}).click();
    await provider.signIn(page, who);
    await page.waitForURL(t.url("/sso/tested"));
    return page.locator("main").innerText();
}

/** Set up, tested by Ada and switched on. Her session at the provider is that of the administrator's browser. */
export async function switchedOn(t, provider, more) {
    const all = await prepared(t, provider);
    await setUp(t, all.page, provider, more);
    await tried(t, all.page, provider);
    await all.page.getByRole("link", {name: "Switch it on"}).click();
    await all.page.getByRole("button", {name: "Switch it on"}).click();
    await all.page.waitForURL(t.url("/sso"));
    return all;
}

/** A browser of somebody who has signed in by it, or was refused: its page, where it stands. */
export async function enter(t, provider, who, {at = "/", ...options} = {}) {
    const page = await t.page(options);
    await page.goto(t.url(SSO));
    await provider.signIn(page, who);
    await page.waitForURL(at === null ? (url) => url.origin === t.app.base : t.url(at));
    await page.waitForLoadState();
    return page;
}

/** Goes once more to the provider, whose session is there still. Answers the status of what comes back. */
export async function again(t, page) {
    // The appliance waits for a slow provider longer than a page is waited for elsewhere.
    const answer = await page.goto(t.url(SSO), {timeout: 40_000});
    return answer.status();
}

export async function turnedAway(page, sentence) {
    assert.equal(await heading(page), "You are not signed in");
    assert.match(await page.locator("main").innerText(), sentence);
    // The cookie of a session that has ended may be there still, and opens nothing.
    const cookie = await sessionCookie(page);
    if (cookie) assert.equal((await withCookie(new URL("/me", page.url()), cookie)).status, 303);
}

/** Why sign-ins were refused, the last one first, as administrators see it. */
export async function reasons(t, page) {
    await page.goto(t.url("/sso"));
    const rows = page.getByRole("region", {name: "Refused sign-ins"}).locator("tbody tr");
    return rows.evaluateAll((all) => all.map((row) => [row.cells[1].innerText, row.cells[2].innerText]));
}
