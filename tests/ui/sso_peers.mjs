// Single sign-on against providers that others wrote: who gets in and who does not, what ends a session, and what comes
// back from the provider that is not good.

import {execFile} from "node:child_process";
import {readdirSync, readFileSync, statSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {promisify} from "node:util";
import {Faulty, faults} from "../sso/faulty.mjs";
import {Canaille, OidcProvider, people} from "../sso/providers.mjs";
import {assert, heading, send, sessionCookie, signIn, test, withCookie} from "./harness.mjs";

const CONFIG = `[listen]
address = "127.0.0.1:0"
[outbound]
allow = ["127.0.0.0/8", "::1/128"]
allow_http = true
`;
const SSO = "/sign-in/sso";
const ADMIN = [{value: "ORGANIZATION_ADMINISTRATOR"}];

/** An appliance whose people came by SCIM, and a provider that knows them. */
async function prepared(t, provider, config = CONFIG) {
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
async function assign(app) {
    const token = app.token();
    const ada = await app.user(token, "ada@example.com", {externalId: people.ada.sub, displayName: "Ada", roles: ADMIN});
    const bob = await app.user(token, "bob@example.com", {externalId: people.bob.sub, displayName: "Bob"});
    await app.group(token, "Networks", [bob]);
    return {token, ada, bob};
}

/** Fills in the page as an administrator does, with what the provider shows. */
async function fill(page, {issuer, client}) {
    await page.getByRole("combobox", {name: "Identity provider"}).selectOption({label: "Other"});
    await page.getByLabel("Issuer").fill(issuer);
    await page.getByLabel("Client id").fill(client.client_id);
    await page.getByLabel("Client secret").fill(client.client_secret);
}

/** Gives our addresses to the provider, as the page shows them. */
async function register(t, page, provider) {
    await page.goto(t.url("/sso?idp=other"));
    const shown = await page.getByRole("region", {name: "At your identity provider"}).locator("code").allInnerTexts();
    const ending = (path) => shown.filter((text) => text === t.url(path));
    await provider.register(ending(`${SSO}/callback`), ending("/sign-in"));
}

/** Sets it up: gives our addresses to the provider, and what the provider shows to us. */
async function setUp(t, page, provider, more) {
    await register(t, page, provider);
    await fill(page, provider);
    await more?.(page);
    assert.equal(await send(page, page.getByRole("button", {name: "Save"})), 303);
}

/** Tests it as somebody, and answers what the page says of that. */
async function tried(t, page, provider, who = people.ada) {
    await page.goto(t.url("/sso"));
    await page.getByRole("link", {name: "Test sign-in"}).click();
    await provider.signIn(page, who);
    await page.waitForURL(t.url("/sso/tested"));
    return page.locator("main").innerText();
}

/** Set up, tested by Ada and switched on. Her session at the provider is that of the administrator's browser. */
async function switchedOn(t, provider, more) {
    const all = await prepared(t, provider);
    await setUp(t, all.page, provider, more);
    await tried(t, all.page, provider);
    await all.page.getByRole("link", {name: "Switch it on"}).click();
    await all.page.getByRole("button", {name: "Switch it on"}).click();
    await all.page.waitForURL(t.url("/sso"));
    return all;
}

/** A browser of somebody who has signed in by it, or was refused: its page, where it stands. */
async function enter(t, provider, who, {at = "/", ...options} = {}) {
    const page = await t.page(options);
    await page.goto(t.url(SSO));
    await provider.signIn(page, who);
    await page.waitForURL(at === null ? (url) => url.origin === t.app.base : t.url(at));
    await page.waitForLoadState();
    return page;
}

/** Goes once more to the provider, whose session is there still. Answers the status of what comes back. */
async function again(t, page) {
    // The appliance waits for a slow provider longer than a page is waited for elsewhere.
    const answer = await page.goto(t.url(SSO), {timeout: 40_000});
    return answer.status();
}

async function turnedAway(page, sentence) {
    assert.equal(await heading(page), "You are not signed in");
    assert.match(await page.locator("main").innerText(), sentence);
    // The cookie of a session that has ended may be there still, and opens nothing.
    const cookie = await sessionCookie(page);
    if (cookie) assert.equal((await withCookie(new URL("/me", page.url()), cookie)).status, 303);
}

/** Why sign-ins were refused, the last one first, as administrators see it. */
async function reasons(t, page) {
    await page.goto(t.url("/sso"));
    const rows = page.getByRole("region", {name: "Refused sign-ins"}).locator("tbody tr");
    return rows.evaluateAll((all) => all.map((row) => [row.cells[1].innerText, row.cells[2].innerText]));
}

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
    // Her name, but not her: what the identity provider calls her is another.
    await turnedAway(await away(people.mallory), /not enough to know who you are/);
    await app.scim(token, "DELETE", `/Users/${bob}`);
    assert.equal(await again(t, his), 403);
    await turnedAway(his, /removed here/);
    const names = (await reasons(t, page)).map(([name, why]) => `${name}: ${why}`);
    assert.deepEqual(
        names.map((line) => line.split(/[.,]( |$)/)[0]),
        [
            "Nobody known: The person was deleted",
            "ada@example.com: A name fits",
            "bob@example.com: The person is deactivated",
            "Nobody known: More than one person fits",
            "Nobody known: Nobody here fits the claims that people are matched by",
        ],
    );
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

test("sso peers: a grave change is confirmed at the provider, by the same person", async (t) => {
    const provider = new Faulty();
    const {app, page: admins, bob} = await switchedOn(t, provider);
    const page = await enter(t, provider, people.ada);
    await app.age("authenticated", 60);
    for (const [fault, why] of Object.entries(AGAIN)) {
        provider.fault = fault;
        await page.goto(t.url(`/people/${bob}/delete`));
        await page.getByRole("link", {name: "Confirm at the identity provider"}).click();
        if (fault !== "asks nobody") await provider.signIn(page, people.ada);
        await page.getByRole("heading", {name: "You are not signed in"}).waitFor();
        assert.match((await reasons(t, admins))[0][1], why);
        await page.goto(t.url(`/people/${bob}/delete`));
        await page.getByText("Confirm it is you").waitFor();
    }
    provider.fault = "none";
    const confirm = async (who) => {
        await page.goto(t.url(`/people/${bob}/delete`));
        await page.getByRole("link", {name: "Confirm at the identity provider"}).click();
        // There is a session, and it is asked for the password all the same.
        await provider.signIn(page, who);
        await page.waitForURL((url) => url.origin === app.base);
    };
    await confirm(people.bob);
    assert.match(await page.locator("main").innerText(), /signed in here as somebody else/);
    assert.notEqual(await sessionCookie(page), undefined);
    await page.context().clearCookies({domain: "localhost"});
    await confirm(people.ada);
    await page.waitForURL(t.url(`/people/${bob}/delete`));
    assert.equal(await page.getByText("Confirm it is you").count(), 0);
    await page.getByRole("button", {name: /Delete/}).click();
    await page.waitForURL((url) => url.pathname !== `/people/${bob}/delete`);
    const answer = await app.scim(app.token("other"), "GET", `/Users/${bob}`);
    assert.equal(answer.status, 404);
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

/** What is refused when the browser comes back, and what the administrators are told. */
const REFUSED = {
    "nonce of another": /another sign-in \(nonce\)/,
    "no nonce": /nonce/,
    "audience of another": /meant for another client/,
    "no audience": /claim aud/,
    "several audiences without azp": /several clients/,
    "azp of another": /several clients|azp/,
    "token of another issuer": /issuer https:\/\/login\.other\.example/,
    "no issuer in the token": /claim iss/,
    "no subject": /claim sub/,
    expired: /has expired/,
    "no expiry": /claim exp/,
    "not valid yet": /dated in the future/,
    "issued in the future": /dated in the future/,
    "alg none": /signed with "none"/,
    "HS256 with the client secret": /signed with "HS256"/,
    "HS256 with the public key": /signed with "HS256"/,
    "an algorithm that was not announced": /signed with "ES256"/,
    "claims changed after signing": /signature of the ID token is wrong/,
    "a key nobody published": /a key that the identity provider does not show/,
    "the key in the token": /a key that the identity provider does not show/,
    "access token of another": /at_hash/,
    "no ID token": /cannot be used|cannot be read/,
    "a token in two parts": /cannot be read/,
    "code of somebody else": /does not accept the code/,
    "code that was used": /does not accept the code/,
    "answer of another issuer": /came from https:\/\/login\.other\.example/,
    "no issuer in the answer": /does not say from which identity provider/,
    // The provider's own words, as text.
    "the person said no": /refused the sign-in: access_denied: <b>Grace<\/b> is not assigned/,
    "token endpoint is broken": /500|cannot be used|refuses to turn/,
    "token endpoint leads elsewhere": /redirect/,
    "userinfo of somebody else": /userinfo speaks of another person/,
    slow: /took too long/,
};
/** What is none of the sign-ins that have begun: nothing is known of them that could be told. */
const UNKNOWN = ["state of another", "no state"];
/** What is good, or good enough. */
const ACCEPTED = ["none", "signed again", "several audiences", "clock a little fast", "userinfo is broken"];
/** What is seen before anybody is sent anywhere. */
const SETTINGS = {
    "metadata of another issuer": /its issuer is https:\/\/login\.other\.example/,
    "metadata without keys": /metadata .* cannot be used/,
    "metadata that is no JSON": /metadata .* cannot be used/,
    "metadata without end": /more than \d+ bytes/,
    "metadata somewhere else": /redirect/,
    "keys at the cloud's own address": /169\.254\.169\.254, which is .* not reached/,
    "keys in another network": /10\.0\.0\.1, which is .* not reached/,
    "keys without https": /10\.0\.0\.1.*(not reached|https:)/,
    "keys are broken": /jwks_uri is answered with status 500/,
    "no keys": /keys .* cannot be used/,
};

/** What only matters when somebody has to prove once more who that is. */
const AGAIN = {
    "asks nobody": /did not authenticate the person again/,
    "does not say when it asked": /does not say when the person authenticated/,
};

test("sso peers: everything that can be wrong is tried", async () => {
    const tried = [REFUSED, UNKNOWN, ACCEPTED, SETTINGS, AGAIN].flatMap((some) => (Array.isArray(some) ? some : Object.keys(some)));
    assert.deepEqual(tried.sort(), Object.keys(faults).sort());
});

test("sso peers: one thing at a time is wrong with what comes from the provider, and it is refused for that", async (t) => {
    const provider = new Faulty();
    const {page: admins} = await switchedOn(t, provider);
    const page = await enter(t, provider, people.ada);
    for (const fault of ACCEPTED) {
        await page.context().clearCookies({name: "scim-appliance"});
        provider.fault = fault;
        assert.equal(await again(t, page), 200, fault);
        await page.waitForURL(t.url("/"));
    }
    await page.context().clearCookies({name: "scim-appliance"});
    for (const fault of [...Object.keys(REFUSED), ...UNKNOWN]) {
        provider.fault = fault;
        const status = await again(t, page);
        assert.equal(status, UNKNOWN.includes(fault) ? 400 : 403, fault);
        assert.equal(await sessionCookie(page), undefined, fault);
        const text = await page.locator("body").innerText();
        assert.match(text, UNKNOWN.includes(fault) ? /This sign-in is over/ : /You are not signed in/, fault);
        // What the provider says stands nowhere as it came.
        assert(!/assigned\s+to this application|login\.other/.test(text), fault);
    }
    provider.fault = "none";
    const told = (await reasons(t, admins)).map(([, why]) => why).reverse();
    assert.equal(told.length, Object.keys(REFUSED).length);
    for (const [i, [fault, why]] of Object.entries(REFUSED).entries()) assert.match(told[i], why, `${fault}: ${told[i]}`);
    const codes = provider.answers.map((answer) => new URL(answer).searchParams.get("code")).filter(Boolean);
    assert(codes.length > 30);
    for (const secret of [provider.client.client_secret, "eyJ", ...codes]) {
        assert(!told.join().includes(secret) && !t.app.log.includes(secret), `${secret} is told`);
    }
    // Nobody is led to another place by a link.
    const answer = await page.goto(t.url(`${SSO}?to=${encodeURIComponent("//evil.example/people")}`));
    assert.equal(answer.status(), 200);
    await page.waitForURL(t.url("/"));

    // The same address once more, in this browser and in another one.
    const used = provider.answers.at(-1);
    for (const where of [page, await t.page()]) {
        await where.context().clearCookies({name: "scim-appliance"});
        assert.equal((await where.goto(used)).status(), 400);
        assert.equal(await sessionCookie(where), undefined);
    }
});

test("sso peers: a sign-in that somebody else has begun is not finished in this browser", async (t) => {
    const provider = new Faulty();
    await switchedOn(t, provider);
    // Mallory stops where the browser would come back, and has somebody else go there.
    const hers = await t.page();
    await hers.route(`${t.app.base}${SSO}/callback*`, (route) => route.abort());
    await hers.goto(t.url(SSO));
    await provider.signIn(hers, people.bob).catch(() => {});
    await hers.waitForTimeout(300);
    const stolen = provider.answers.at(-1);
    assert.match(stolen, /code=/);
    for (const victim of [await t.page(), await enter(t, provider, people.ada)]) {
        const before = await sessionCookie(victim);
        assert.equal((await victim.goto(stolen)).status(), 400);
        assert.equal(await sessionCookie(victim), before);
    }
});

test("sso peers: wrong metadata and keys are refused where it is set up", async (t) => {
    const provider = new Faulty();
    const {app, page} = await prepared(t, provider);
    await register(t, page, provider);
    for (const [fault, why] of Object.entries(SETTINGS)) {
        provider.fault = fault;
        await fill(page, provider);
        assert.equal(await send(page, page.getByRole("button", {name: "Save"})), 422, fault);
        assert.match(await page.locator("#issuer-error").innerText(), why, fault);
        assert.equal(await page.getByLabel("Issuer").inputValue(), provider.issuer);
    }
    assert.equal(provider.asked["/elsewhere"], undefined, "no redirect is followed");
    // The same by command, of what is stored.
    provider.fault = "none";
    await setUp(t, page, provider);
    const command = () => promisify(execFile)(app.binary, ["--config", app.file, "sso", "test-config"]);
    assert.match((await command()).stdout, /answers as http:\/\/localhost:\d+ with 2 usable keys \(RS256\)/);
    provider.fault = "metadata of another issuer";
    await assert.rejects(command, /login\.other\.example/);

    // Nothing on this machine or in its network is asked without the word of whoever runs it.
    provider.fault = "none";
    for (const [left, why] of [['allow = ["10.0.0.0/8"]\nallow_http = true\n', /127\.0\.0\.1.*not reached/], ['allow = ["127.0.0.0/8"]\n', /https:/]]) {
        await app.restart(() => writeFileSync(app.file, CONFIG.replace(/allow[^]*/, left)));
        provider.asked = {};
        await page.goto(t.url("/sso"));
        await fill(page, {...provider, issuer: provider.issuer.replace("localhost", "127.0.0.1"), client: provider.client});
        assert.equal(await send(page, page.getByRole("button", {name: "Save"})), 422);
        assert.match(await page.locator("#issuer-error").innerText(), why);
        assert.deepEqual(provider.asked, {});
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
