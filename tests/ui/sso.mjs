// Single sign-on in a browser: the provider is on another site, so that cookies are kept back as they are in life.

import {assert, both, heading, signIn} from "./harness.mjs";
import {choose, CONFIG, Provider, setUp} from "./provider.mjs";

async function scene(t) {
    const provider = await new Provider({
        Ada: {sub: "e-ada", name: "Ada <b>Lovelace</b>"}, Bob: {sub: "e-bob"}, Eve: {sub: "e-eve"},
    }).start();
    t.allow(provider.issuer);
    t.after(() => provider.end());
    const app = await t.appliance((app) => (app.admin(), app.on()), CONFIG);
    const token = app.token();
    const ada = await app.user(token, "ada@example.com", {externalId: "e-ada", displayName: "Ada Lovelace"});
    const bob = await app.user(token, "bob@example.com", {externalId: "e-bob", displayName: "Bob"});
    app.command("", "role", "set", "ada@example.com", "ORGANIZATION_ADMINISTRATOR");
    return {app, provider, token, ada, bob};
}

both("sso: it is set up, tested and switched on, and the whole loop works", async (t) => {
    const {app, provider, token, bob} = await scene(t);
    const page = await t.signedIn();
    await page.goto(t.url("/provisioning"));
    await page.getByRole("link", {name: "Let your identity provider sign people in"}).click();
    await setUp(page, (path) => t.url(path), provider);
    await page.getByRole("link", {name: "Test sign-in"}).click();
    await choose(page, "Eve");
    await page.waitForURL(t.url("/sso/tested"));
    assert.equal(await heading(page), "The test was not good");
    await page.getByRole("link", {name: "Test it again"}).click();
    await choose(page, "Ada");
    await page.waitForURL(t.url("/sso/tested"));
    assert.equal(await heading(page), "The test was good");
    await page.getByText("Ada <b>Lovelace</b>").waitFor();
    await page.getByRole("link", {name: "Switch it on"}).click();
    await page.getByRole("button", {name: "Switch it on"}).click();
    await page.getByText("People sign in with Okta.").waitFor();

    // An administrator by role: from the page that was looked for, across another site, and back to it.
    const admin = await t.page();
    await admin.goto(t.url("/people"));
    await admin.getByRole("link", {name: "Sign in with Okta"}).click();
    await choose(admin, "Ada");
    await admin.waitForURL(t.url("/people"));
    await admin.getByRole("link", {name: "Bob"}).waitFor();
    // Something grave: the provider is asked, and the page comes back with nothing more to prove.
    app.sql("update session set authenticated = 0 where person is not null");
    await admin.goto(t.url(`/people/${bob}/delete`));
    await admin.getByRole("link", {name: "Confirm at the identity provider"}).click();
    await choose(admin, "Ada");
    await admin.waitForURL(t.url(`/people/${bob}/delete`));
    assert.equal(await admin.getByRole("link", {name: "Confirm at the identity provider"}).count(), 0);

    // The same in the middle of a form: what was typed is kept, the password too, and nothing happens by itself.
    app.sql("update session set authenticated = 0 where person is not null");
    await admin.goto(t.url("/admins"));
    await admin.getByLabel("Name").fill("grace");
    await admin.locator("#new-password").fill("a lamp that nobody has seen");
    await admin.getByRole("button", {name: "Add the administrator"}).click();
    await admin.getByText("what you typed is kept, and you go on with it").waitFor();
    await admin.getByRole("link", {name: "Confirm at the identity provider"}).click();
    await choose(admin, "Ada");
    await admin.waitForURL(t.url("/confirmed"));
    assert.equal(await heading(admin), "It is you");
    assert.equal(app.sql("select count(*) from admin where name = 'grace'")[0][0], 0);
    await admin.getByRole("button", {name: "Go on with what I typed"}).click();
    await admin.waitForURL(t.url("/admins"));
    assert.equal(app.sql("select count(*) from admin where name = 'grace'")[0][0], 1);

    // Everybody else: the own profile, until deactivated.
    const person = await t.page();
    await person.goto(t.url("/"));
    await person.getByRole("link", {name: "Sign in with Okta"}).click();
    await choose(person, "Bob");
    await person.waitForURL(t.url("/me"));
    assert.equal(await heading(person), "Bob");
    assert.equal(await person.getByRole("navigation", {name: "Main"}).count(), 0);
    await app.patch(token, `/Users/${bob}`, {op: "replace", path: "active", value: false});
    await person.reload();
    await person.waitForURL(/\/sign-in/);
    await person.getByRole("link", {name: "Sign in with Okta"}).click();
    await choose(person, "Bob");
    await person.getByText("You are deactivated here").waitFor();
    assert.equal(await heading(person), "You are not signed in");
    await person.getByRole("link", {name: "Go to the sign-in"}).click();
    await person.waitForURL(/\/sign-in/);

    // Out, here and there, and back to our page to sign in with.
    await admin.getByRole("button", {name: "Sign out"}).click();
    await admin.waitForURL(t.url("/sign-in"));
    assert.equal(provider.signedOut.split(".").length, 3);
    await page.goto(t.url("/sso"));
    await page.getByText("The person is deactivated.").waitFor();
});

both("sso: a link of another site ends the session that it takes the place of", async (t) => {
    const {app, provider} = await scene(t);
    const page = await t.signedIn();
    await setUp(page, (path) => t.url(path), provider);
    await page.getByRole("link", {name: "Test sign-in"}).click();
    await choose(page, "Bob");
    await page.getByRole("link", {name: "Switch it on"}).click();
    await page.getByRole("button", {name: "Switch it on"}).click();
    await page.waitForURL(t.url("/sso"));
    const sessions = () => app.sql("select count(*) from session where person is null")[0][0];
    assert.equal(sessions(), 1);
    provider.page = `<p><a href="${t.url("/sign-in/sso?to=/people")}">Sign in there</a></p>`;
    await page.goto(`${provider.issuer}/page`);
    const cookies = async () => (await page.context().cookies(t.url("/"))).filter((cookie) => cookie.name.includes("-sso-"));
    await page.getByRole("link", {name: "Sign in there"}).click();
    await choose(page, "Bob");
    await page.waitForURL(t.url("/me"));
    assert.equal(sessions(), 0);
    assert.equal((await cookies()).length, 0);
});

both("sso: a password is for emergencies, and always works", async (t) => {
    const {provider} = await scene(t);
    const page = await t.signedIn();
    await setUp(page, (path) => t.url(path), provider);
    await page.getByRole("link", {name: "Test sign-in"}).click();
    await choose(page, "Bob");
    await page.getByRole("link", {name: "Switch it on"}).click();
    await page.getByRole("button", {name: "Switch it on"}).click();
    await page.getByLabel("Names and passwords are for emergencies").check();
    await page.getByRole("button", {name: "Save"}).click();
    await page.waitForURL(t.url("/sso"));
    provider.end();
    const other = await t.page();
    await other.goto(t.url("/sign-in"));
    assert(!(await other.getByLabel("Name").isVisible()));
    await other.getByText("Sign in with name and password").click();
    await signIn(other);
    await other.waitForURL(t.url("/"));
});
