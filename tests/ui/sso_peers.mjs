// Single sign-on against providers that others wrote: who gets in and who does not, and what ends a session.

import {readdirSync, readFileSync, statSync} from "node:fs";
import {join} from "node:path";
import {Canaille, OidcProvider, people} from "../sso/providers.mjs";
import {assert, sessionCookie, signIn, test} from "./harness.mjs";
import {ADMIN, again, assign, CONFIG, enter, prepared, reasons, setUp, SSO, switchedOn, tried, turnedAway} from "./sso_scene.mjs";

test("sso peers: set up, tested and switched on; administrators come to the pages, everybody else to the own profile", async (t) => {
    const provider = new OidcProvider();
    const {app, page, ada} = await prepared(t, provider);
    await setUp(t, page, provider);
    // Nobody gets in before somebody has tested it, and it cannot be switched on.
    const early = await t.page();
    await early.goto(t.url("/sign-in"));
    assert.equal(await early.getByText("Sign in with").count(), 0);
    assert.equal(await again(t, early), 409);
    assert.equal((await page.goto(t.url("/sso/on"))).status(), 409);

    const stranger = await tried(t, page, provider, people.zeno);
    assert.match(stranger, /The test was not good[^]*Nobody here fits/);
    assert.equal(await page.getByRole("link", {name: "Switch it on"}).count(), 0);
    await page.context().clearCookies({domain: "localhost"});
    const told = await tried(t, page, provider);
    assert.match(told, /The test was good[^]*ada@example\.com would be let in[^]*\bsub\b[^]*externalId[^]*Admin/);
    for (const claim of ["email", "preferred_username", "name"]) assert.match(told, new RegExp(`${claim}\\s+${people.ada[claim]}`));
    assert(!told.includes(provider.client.client_secret));
    await page.getByRole("link", {name: "Switch it on"}).click();
    await page.getByRole("button", {name: "Switch it on"}).click();
    await page.waitForURL(t.url("/sso"));
    assert(!(await page.content()).includes(provider.client.client_secret));
    // Nor does it stand in a file: what seals it is in one that nobody else may read.
    const files = readdirSync(app.folder);
    for (const file of files) assert(!readFileSync(join(app.folder, file)).includes(provider.client.client_secret), file);
    const [key] = files.filter((file) => file.endsWith("key"));
    assert.equal(statSync(join(app.folder, key)).mode & 0o777, 0o600);

    const hers = await t.page();
    await hers.goto(t.url("/people"));
    await hers.getByRole("link", {name: "Sign in with single sign-on"}).click();
    await provider.signIn(hers, people.ada);
    await hers.waitForURL(t.url("/people"));
    assert.match(await hers.locator(".me").innerText(), /ada@example\.com/);
    await hers.goto(t.url(`/people/${ada}`));
    await hers.getByRole("heading", {name: /^Ada/}).waitFor();

    const his = await enter(t, provider, people.bob, {at: "/me"});
    const profile = await his.locator("main").innerText();
    assert.match(profile, /bob@example\.com[^]*00u2bob[^]*Limited access user[^]*Networks/);
    assert.equal(await his.getByRole("navigation").count(), 0);
    for (const closed of ["/people", `/people/${ada}`, "/sso", "/tokens", "/admins"]) {
        const answer = await his.goto(t.url(closed));
        assert(answer.status() === 403 || his.url() === t.url("/me"), `${closed} is closed to him`);
        assert(!(await his.content()).includes("ada@example.com"), closed);
    }

    // Out here and out there: the provider asks who it is the next time.
    await hers.goto(t.url("/people"));
    await hers.getByRole("button", {name: "Sign out"}).click();
    await provider.signOut(hers);
    await hers.waitForURL(t.url("/sign-in"));
    assert.equal(await sessionCookie(hers), undefined);
    await hers.goto(t.url(SSO));
    await provider.signIn(hers, people.ada);
    await hers.waitForURL(t.url("/"));
    assert.match(app.command("", "sso", "status"), /on since/);
});

test("sso peers: Canaille; provisioning waits for it where it is required", async (t) => {
    const provider = new Canaille();
    const {app, page} = await prepared(t, provider, `${CONFIG}[sso]\nprecondition = "required"\n`);
    const switchOn = () => app.command("", "provisioning", "on", "--acknowledge-no-sso");
    assert.throws(switchOn, /single sign-on/i);
    await setUp(t, page, provider);
    assert.throws(switchOn, /single sign-on/i);
    // She is there, although no identity provider could make her yet.
    const id = app.command("", "person", "create", "ada@example.com", "--external-id", people.ada.sub);
    assert.match(await tried(t, page, provider), /The test was good[^]*own/);
    await page.goto(t.url("/sso/on"));
    await page.getByRole("button", {name: "Switch it on"}).click();
    await page.waitForURL(t.url("/sso"));
    app.command("", "provisioning", "on");
    const hers = await enter(t, provider, people.ada, {at: "/me"});
    // She becomes an administrator, and does something grave: Canaille tells when she signed in to parts of a second.
    app.command("", "role", "set", id, "ORGANIZATION_ADMINISTRATOR");
    await app.age("authenticated", 60);
    await hers.goto(t.url("/sso/off"));
    await hers.getByRole("link", {name: "Confirm at the identity provider"}).click();
    await provider.confirm(hers);
    await hers.waitForURL(t.url("/sso/off"));
    assert.equal(await hers.getByText("Confirm it is you").count(), 0);
    await hers.getByRole("button", {name: "Sign out"}).click();
    await hers.waitForURL(t.url("/sign-in"));
    // It was signed out as well.
    await hers.goto(t.url(SSO));
    await provider.signIn(hers, people.ada);
    await hers.waitForURL(t.url("/"));
});

test("sso peers: unknown, ambiguous, deactivated, removed and mistaken people are told what to do, and administrators why", async (t) => {
    const provider = new OidcProvider();
    const {app, page, token, bob} = await switchedOn(t, provider, (page) =>
        page.getByLabel("Who is who").fill("sub externalId\npreferred_username userName\nemail emails.value"),
    );
    for (const name of ["cleo.one", "cleo.two"]) {
        await app.user(token, name, {emails: [{value: people.cleo.email, primary: name === "cleo.one"}]});
    }
    await app.patch(token, `/Users/${bob}`, {op: "replace", path: "active", value: false});
    const away = (who) => enter(t, provider, who, {at: null});
    await turnedAway(await away(people.zeno), /not known here\. Ask your administrator to assign you/);
    await turnedAway(await away(people.cleo), /fits more than one person/);
    const his = await away(people.bob);
    await turnedAway(his, /deactivated/);
    // Her name, but not her: the identity provider does not vouch for the address that it is.
    await turnedAway(await away(people.mallory), /not known here\. Ask your administrator to assign you/);
    await app.scim(token, "DELETE", `/Users/${bob}`);
    assert.equal(await again(t, his), 403);
    await turnedAway(his, /removed here/);
    const told = async () => (await reasons(t, page)).map(([name, why]) => `${name}: ${why}`);
    const names = await told();
    assert.deepEqual(
        names.map((line) => line.split(/[.,]( |$)/)[0]),
        [
            "Nobody known: The person was deleted",
            "Nobody known: Nobody here fits the claims that people are matched by",
            "bob@example.com: The person is deactivated",
            "Nobody known: More than one person fits",
        ],
    );
    // What is the same in everything is told once.
    assert.match(names[1], /\(2 times\)$/);
    // A restart forgets nothing of it.
    await app.restart();
    assert.deepEqual(await told(), names);
    // Whoever has come back is let in again.
    await app.user(token, "bob@example.com", {externalId: people.bob.sub});
    await again(t, his);
    await his.waitForURL(t.url("/me"));
});

test("sso peers: what happens to a person happens to the session at once", async (t) => {
    const provider = new OidcProvider();
    const {app, token, ada, bob} = await switchedOn(t, provider);
    const hers = await enter(t, provider, people.ada);
    await hers.goto(t.url("/people"));
    const set = (id, path, value) => app.patch(token, `/Users/${id}`, {op: "replace", path, value});
    await set(ada, "active", false);
    await hers.reload();
    assert.equal(new URL(hers.url()).pathname, "/sign-in");
    assert.equal(await again(t, hers), 403);
    await turnedAway(hers, /deactivated/);
    // A session that has ended does not come to life again.
    await set(ada, "active", true);
    await hers.goto(t.url("/people"));
    assert.equal(new URL(hers.url()).pathname, "/sign-in");
    await again(t, hers);
    await hers.waitForURL(t.url("/"));

    // Another role, the same session.
    await hers.goto(t.url("/people"));
    const cookie = await sessionCookie(hers);
    await set(ada, "roles", [{value: "USER"}]);
    await hers.reload();
    assert(!(await hers.content()).includes("bob@example.com"));
    await hers.goto(t.url("/me"));
    assert.match(await hers.locator("main").innerText(), /Role\s+User/);
    assert.equal(await sessionCookie(hers), cookie);
    const his = await enter(t, provider, people.bob, {at: "/me"});
    await set(bob, "roles", ADMIN);
    await his.goto(t.url("/people"));
    await his.getByRole("heading", {name: "People"}).waitFor();

    await app.scim(token, "DELETE", `/Users/${bob}`);
    await his.reload();
    assert.equal(new URL(his.url()).pathname, "/sign-in");
    // Switched off by the way out of a wrong configuration.
    app.command("", "sso", "off");
    await hers.goto(t.url("/me"));
    assert.equal(new URL(hers.url()).pathname, "/sign-in");
});

test("sso peers: the provider changes its keys, goes away and comes back; administrators get in without it", async (t) => {
    const provider = new OidcProvider({claimsInToken: true});
    const {app, page: admins} = await switchedOn(t, provider, (page) =>
        page.getByLabel("Names and passwords are for emergencies").check(),
    );
    const page = await enter(t, provider, people.ada);
    await provider.rotate();
    await again(t, page);
    await page.waitForURL(t.url("/"));
    // Nobody was refused meanwhile.
    assert.deepEqual(await reasons(t, admins), []);

    await provider.stop();
    await app.restart();
    const local = await t.page();
    assert.equal(await again(t, local), 502);
    await turnedAway(local, /cannot be asked at the moment/);
    await local.goto(t.url("/sign-in"));
    assert(!(await local.getByLabel("Name", {exact: true}).isVisible()), "names and passwords are behind a line");
    await local.getByText("Sign in with name and password").click();
    await signIn(local);
    await local.waitForURL(t.url("/"));
    const [[, why]] = await reasons(t, local);
    assert.match(why, /cannot be reached: localhost/);
    // Who is in stays in: nobody asks the provider about sessions.
    await page.goto(t.url("/people"));
    await page.getByRole("heading", {name: "People"}).waitFor();

    await provider.start();
    await page.waitForTimeout(5_100);
    await again(t, page);
    await page.waitForURL(t.url("/"));
});

test("sso peers: the provider signs with other algorithms", async (t) => {
    const provider = new OidcProvider();
    const {app, page: admins} = await switchedOn(t, provider);
    const page = await enter(t, provider, people.ada);
    for (const alg of ["ES256", "PS256", "EdDSA"]) {
        provider.alg = alg;
        await provider.rotate();
        // The first time while it runs: what is known of the provider is out of date.
        if (alg !== "ES256") await app.restart();
        await page.context().clearCookies({name: "scim-appliance"});
        assert.equal(await again(t, page), 200, `${alg}: ${await reasons(t, admins)}`);
        await page.waitForURL(t.url("/"));
    }
});

test("sso peers: an ID token that lives for a second signs in, and out", async (t) => {
    const provider = new OidcProvider({seconds: 1, claimsInToken: true});
    const {app, page} = await switchedOn(t, provider);
    // The session is ours, and lasts as long as sessions here do.
    const hers = await enter(t, provider, people.ada);
    await hers.waitForTimeout(1_500);
    await hers.goto(t.url("/people"));
    await hers.getByRole("heading", {name: "People"}).waitFor();
    // Signing out with a token that has expired still works, or leaves her signed out here.
    await hers.getByRole("button", {name: "Sign out"}).click();
    await hers.waitForLoadState();
    assert.equal(await sessionCookie(hers), undefined);
    assert.equal(app.sql("select count(*) from session where person is not null")[0][0], 0);
    assert.deepEqual(await reasons(t, page), []);
});
