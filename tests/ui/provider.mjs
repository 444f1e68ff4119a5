// An identity provider of the tests' own, on another site than the appliance: as much of OpenID Connect as a sign-in needs.
// People choose on its page who they are.

import {createHash, generateKeyPairSync, randomBytes, sign} from "node:crypto";
import {createServer} from "node:http";

const base64 = (data) => Buffer.from(data).toString("base64url");
export const CONFIG = '[listen]\naddress = "127.0.0.1:0"\n[outbound]\nallow = ["127.0.0.1", "::1"]\nallow_http = true\n';
export const SECRET = "s3cret-of-the-tests";

export class Provider {
    /** `people`: name on the button → claims. */
    constructor(people) {
        this.people = people;
        this.key = generateKeyPairSync("ec", {namedCurve: "P-256"});
        this.codes = new Map();
    }

    async start() {
        this.server = createServer((request, response) => this.answer(request, response).catch(() => response.destroy()));
        await new Promise((resolve) => this.server.listen(0, "localhost", resolve));
        this.server.unref();
        // Not 127.0.0.1: for a browser that would be the same site as the appliance.
        this.issuer = `http://localhost:${this.server.address().port}`;
        return this;
    }

    end() {
        this.server.closeAllConnections();
        this.server.close();
    }

    async answer(request, response) {
        const url = new URL(request.url, this.issuer);
        let body = "";
        for await (const part of request) body += part;
        const json = (value, status = 200) => response.writeHead(status, {"Content-Type": "application/json"}).end(JSON.stringify(value));
        const at = (path) => `${this.issuer}/${path}`;
        if (url.pathname === "/.well-known/openid-configuration") {
            return json({
                issuer: this.issuer, authorization_endpoint: at("authorize"), token_endpoint: at("token"), jwks_uri: at("keys"), end_session_endpoint: at("end"),
                response_types_supported: ["code"], id_token_signing_alg_values_supported: ["ES256"], token_endpoint_auth_methods_supported: ["client_secret_post"],
            });
        }
        if (url.pathname === "/keys") return json({keys: [{...this.key.publicKey.export({format: "jwk"}), use: "sig", alg: "ES256", kid: "1"}]});
        if (url.pathname === "/token") {
            const form = new URLSearchParams(body);
            const code = this.codes.get(form.get("code"));
            this.codes.delete(form.get("code"));
            if (form.get("client_secret") !== SECRET) return json({error: "invalid_client"}, 401);
            const verified = createHash("sha256").update(form.get("code_verifier")).digest("base64url");
            if (!code || verified !== code.asked.code_challenge) return json({error: "invalid_grant"}, 400);
            const now = Math.floor(Date.now() / 1000);
            const claims = {iss: this.issuer, aud: code.asked.client_id, nonce: code.asked.nonce, iat: now, exp: now + 300, auth_time: now, ...code.claims};
            const message = `${base64(JSON.stringify({alg: "ES256", kid: "1"}))}.${base64(JSON.stringify(claims))}`;
            const signed = sign("sha256", Buffer.from(message), {key: this.key.privateKey, dsaEncoding: "ieee-p1363"});
            return json({token_type: "Bearer", access_token: "opaque", id_token: `${message}.${base64(signed)}`});
        }
        if (url.pathname === "/end") {
            this.signedOut = url.searchParams.get("id_token_hint");
            return response.writeHead(302, {Location: url.searchParams.get("post_logout_redirect_uri")}).end();
        }
        if (url.pathname === "/page") {
            const page = `<!doctype html><html lang="en"><title>Elsewhere</title><link rel="icon" href="data:,">${this.page}</html>`;
            return response.writeHead(200, {"Content-Type": "text/html"}).end(page);
        }
        if (url.pathname === "/authorize" && request.method === "GET") {
            const buttons = Object.keys(this.people).map((name) => `<button name="who" value="${name}">${name}</button>`).join(" ");
            const page = `<!doctype html><html lang="en"><title>Provider</title><link rel="icon" href="data:,"><h1>Who are you?</h1><form method="post">${buttons}</form></html>`;
            return response.writeHead(200, {"Content-Type": "text/html"}).end(page);
        }
        if (url.pathname === "/authorize") {
            const asked = Object.fromEntries(url.searchParams);
            const code = randomBytes(16).toString("hex");
            this.codes.set(code, {asked, claims: this.people[new URLSearchParams(body).get("who")]});
            const back = new URL(asked.redirect_uri);
            back.searchParams.set("code", code);
            back.searchParams.set("state", asked.state);
            return response.writeHead(302, {Location: back.href}).end();
        }
        response.writeHead(404).end();
    }
}

/** Fills in the form on /sso and saves it. */
export async function setUp(page, url, provider) {
    await page.goto(url("/sso"));
    await page.getByLabel("Issuer").fill(provider.issuer);
    await page.getByLabel("Client id").fill("appliance");
    await page.getByLabel("Client secret").fill(SECRET);
    await page.getByRole("button", {name: "Save"}).click();
    await page.getByRole("link", {name: "Test sign-in"}).waitFor();
}

/** Says at the provider who one is. */
export async function choose(page, name) {
    await page.getByRole("heading", {name: "Who are you?"}).waitFor();
    await page.getByRole("button", {name, exact: true}).click();
}
