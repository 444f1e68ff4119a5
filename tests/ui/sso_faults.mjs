// What comes back from a provider, and one thing at a time is wrong with it: refused, and for the right reason.

import {execFile} from "node:child_process";
import {writeFileSync} from "node:fs";
import {promisify} from "node:util";
import {Faulty, faults} from "../sso/faulty.mjs";
import {people} from "../sso/providers.mjs";
import {assert, send, sessionCookie, test} from "./harness.mjs";
import {again, CONFIG, enter, fill, prepared, reasons, register, setUp, SSO, switchedOn} from "./sso_scene.mjs";

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
    "answer of another issuer": /another identity provider than the one that was asked/,
    "no issuer in the answer": /does not say from which identity provider/,
    // Of what a browser brings only the word is shown: anybody could have made up the rest.
    "the person said no": /the error access_denied of the identity provider/,
    "token endpoint is broken": /500|cannot be used|refuses to turn/,
    "token endpoint leads elsewhere": /redirect/,
    "userinfo of somebody else": /userinfo speaks of another person/,
    slow: /took too long/,
};
/** What is none of the sign-ins that have begun: nothing is known of them that could be told. */
const UNKNOWN = ["state of another", "no state"];
/** What is good, or good enough: who it is stands in the ID token, whatever userinfo would say. */
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
    const told = [];
    for (const fault of [...Object.keys(REFUSED), ...UNKNOWN]) {
        provider.fault = fault;
        let status = await again(t, page);
        // A network that comes back with nothing very often has to wait.
        for (let i = 0; status === 429 && i < 10; i++) {
            await page.waitForTimeout(1100);
            status = await again(t, page);
        }
        assert.equal(status, UNKNOWN.includes(fault) ? 400 : 403, fault);
        assert.equal(await sessionCookie(page), undefined, fault);
        const text = await page.locator("body").innerText();
        assert.match(text, UNKNOWN.includes(fault) ? /This sign-in is over/ : /You are not signed in/, fault);
        // What the provider says stands nowhere as it came.
        assert(!/assigned\s+to this application|login\.other/.test(text), fault);
        if (UNKNOWN.includes(fault)) continue;
        await admins.goto(t.url("/sso"));
        const said = await admins.locator("main").innerText();
        assert.match(said, REFUSED[fault], fault);
        told.push(said);
    }
    provider.fault = "none";
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
