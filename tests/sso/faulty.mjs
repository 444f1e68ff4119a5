// Somebody in the middle: stands in front of oidc-provider under the provider's own address, hands everything on, and
// does one thing wrong at a time. What it signs again it signs with keys of its own, which it adds to those that the
// provider publishes, so that a token is refused for the one thing that is wrong with it and for nothing else.

import {createHmac, createPublicKey, randomBytes} from "node:crypto";
import {request as ask} from "node:http";
import {setTimeout as sleep} from "node:timers/promises";
import {exportJWK, generateKeyPair, SignJWT} from "jose";
import {body, OidcProvider, Site} from "./providers.mjs";

const seconds = () => Math.floor(Date.now() / 1000);
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const OTHER = "https://login.other.example";

/** A token with a signature of a secret, made by hand: the library refuses what attackers do. */
function hmac(claims, secret, header = {}) {
    const signed = `${encoded({typ: "JWT", alg: "HS256", ...header})}.${encoded(claims)}`;
    return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** Changes claims of the ID token, and signs it again with the published key. */
const claims = (change) => ({
    token: async (answer, middle) => ({...answer, id_token: await middle.sign(change(middle.read(answer.id_token), middle))}),
});
const without = (name) => claims(({[name]: _, ...rest}) => rest);
const header = (change) => ({
    token: async (answer, middle) => ({...answer, id_token: await change(middle.read(answer.id_token), middle, answer.id_token)}),
});
const redirect = (change) => ({redirect: change});
const metadata = (change) => ({metadata: change});
/** The provider is not asked what it was to be asked. */
const unasked = (...names) => ({request: (url) => names.forEach((name) => url.searchParams.delete(name))});

/** What can be wrong. Each hook changes one kind of answer. */
export const faults = {
    // Nothing is wrong with these, and both have to be accepted, or the rest proves nothing.
    none: {},
    "signed again": claims((all) => all),
    "several audiences": claims((all) => ({...all, aud: [all.aud, "another"], azp: all.aud})),
    "clock a little fast": claims((all) => ({...all, iat: seconds() + 20, nbf: seconds() + 20})),

    "nonce of another": claims((all) => ({...all, nonce: randomBytes(16).toString("hex")})),
    "no nonce": without("nonce"),
    "audience of another": claims((all) => ({...all, aud: "another"})),
    "no audience": without("aud"),
    "several audiences without azp": claims((all) => ({...all, aud: [all.aud, "another"]})),
    "azp of another": claims((all) => ({...all, aud: [all.aud, "another"], azp: "another"})),
    "token of another issuer": claims((all) => ({...all, iss: OTHER})),
    "no issuer in the token": without("iss"),
    "no subject": without("sub"),
    expired: claims((all) => ({...all, iat: seconds() - 7200, exp: seconds() - 3600})),
    "no expiry": without("exp"),
    "not valid yet": claims((all) => ({...all, nbf: seconds() + 3600})),
    "issued in the future": claims((all) => ({...all, iat: seconds() + 3600, exp: seconds() + 7200})),

    "alg none": header((all) => `${encoded({alg: "none", typ: "JWT"})}.${encoded(all)}.`),
    "HS256 with the client secret": header((all, middle) => hmac(all, middle.provider.client.client_secret)),
    "HS256 with the public key": header((all, middle) => hmac(all, middle.pem, {kid: middle.kid})),
    "a key nobody published": header(async (all) => {
        const {privateKey} = await generateKeyPair("RS256");
        return new SignJWT(all).setProtectedHeader({alg: "RS256", kid: "stranger"}).sign(privateKey);
    }),
    "the key in the token": header(async (all) => {
        const {privateKey, publicKey} = await generateKeyPair("RS256");
        const jwk = await exportJWK(publicKey);
        return new SignJWT(all).setProtectedHeader({alg: "RS256", kid: "stranger", jwk}).sign(privateKey);
    }),
    "an algorithm that was not announced": header((all, middle) =>
        new SignJWT(all).setProtectedHeader({alg: "ES256", kid: middle.ellipticKid}).sign(middle.elliptic),
    ),
    "access token of another": claims((all) => ({...all, at_hash: randomBytes(16).toString("base64url")})),
    "claims changed after signing": header((all, middle, token) => {
        const [first, , last] = token.split(".");
        return `${first}.${encoded({...all, sub: "00u2bob"})}.${last}`;
    }),
    "no ID token": {token: ({id_token, ...rest}) => rest},
    "a token in two parts": {token: (answer) => ({...answer, id_token: answer.id_token.split(".").slice(0, 2).join(".")})},

    "code of somebody else": redirect((url) => url.searchParams.set("code", randomBytes(24).toString("base64url"))),
    "code that was used": redirect((url, middle) => {
        const before = middle.answers.at(-1);
        if (before) url.searchParams.set("code", new URL(before).searchParams.get("code"));
    }),
    "state of another": redirect((url) => url.searchParams.set("state", randomBytes(16).toString("hex"))),
    "no state": redirect((url) => url.searchParams.delete("state")),
    "answer of another issuer": redirect((url) => url.searchParams.set("iss", OTHER)),
    "no issuer in the answer": redirect((url) => url.searchParams.delete("iss")),
    "the person said no": redirect((url) => {
        url.searchParams.delete("code");
        url.searchParams.set("error", "access_denied");
        url.searchParams.set("error_description", "<b>Grace</b> is not assigned\r\nto this application");
    }),

    "metadata of another issuer": metadata((all) => ({...all, issuer: OTHER})),
    "metadata without keys": metadata(({jwks_uri, ...rest}) => rest),
    "metadata that is no JSON": {raw: {"/.well-known/openid-configuration": [200, "text/html", "<h1>Welcome</h1>"]}},
    "metadata without end": {raw: {"/.well-known/openid-configuration": [200, "application/json", `"${"x".repeat(4 << 20)}"`]}},
    "metadata somewhere else": {raw: {"/.well-known/openid-configuration": [302, "text/plain", "", {Location: "/elsewhere"}]}},
    "keys at the cloud's own address": metadata((all) => ({...all, jwks_uri: "https://169.254.169.254/latest/meta-data"})),
    "keys in another network": metadata((all) => ({...all, jwks_uri: "https://10.0.0.1/keys"})),
    "keys without https": metadata((all) => ({...all, jwks_uri: "http://10.0.0.1/keys"})),
    "keys are broken": {raw: {"/jwks": [500, "text/plain", "no"]}},
    "no keys": {raw: {"/jwks": [200, "application/json", '{"keys":[]}']}},

    "token endpoint is broken": {raw: {"/token": [500, "text/plain", "no"]}},
    "token endpoint leads elsewhere": {raw: {"/token": [307, "text/plain", "", {Location: "/elsewhere"}]}},
    "userinfo of somebody else": {userinfo: (all) => ({...all, sub: "00u2bob", preferred_username: "bob@example.com"})},
    "userinfo is broken": {raw: {"/me": [500, "text/plain", "no"]}},
    "asks nobody": {...unasked("prompt", "max_age"), ...claims((all) => ({...all, auth_time: seconds() - 3600}))},
    "does not say when it asked": without("auth_time"),

    slow: {delay: {"/token": 60_000}},
};

/** The provider as the appliance sees it: `fault` names what is wrong. */
export class Faulty {
    constructor(options = {}) {
        this.options = options;
        this.fault = "none";
        this.site = new Site((request, response) => this.answer(request, response));
        /** The answers of the provider to the browser, as addresses of the appliance. */
        this.answers = [];
        /** How often each path was asked for. */
        this.asked = {};
    }

    async start() {
        await this.site.start();
        this.issuer = this.site.origin;
        const rsa = await generateKeyPair("RS256", {extractable: true});
        const elliptic = await generateKeyPair("ES256", {extractable: true});
        Object.assign(this, {key: rsa.privateKey, elliptic: elliptic.privateKey, kid: "middle", ellipticKid: "elliptic"});
        const published = await exportJWK(rsa.publicKey);
        this.pem = createPublicKey({key: published, format: "jwk"}).export({type: "spki", format: "pem"});
        this.published = [
            {...published, kid: this.kid, alg: "RS256", use: "sig"},
            {...(await exportJWK(elliptic.publicKey)), kid: this.ellipticKid, alg: "ES256", use: "sig"},
        ];
        this.provider = await new OidcProvider({...this.options, issuer: this.issuer}).start();
        return this;
    }

    async stop() {
        await this.site.stop();
        await this.provider?.stop();
    }

    get client() {
        return this.provider.client;
    }

    get people() {
        return this.provider.people;
    }

    register(...addresses) {
        return this.provider.register(...addresses);
    }

    signIn(...typed) {
        return this.provider.signIn(...typed);
    }

    signOut(page) {
        return this.provider.signOut(page);
    }

    read(token) {
        return JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
    }

    sign(all) {
        return new SignJWT(all).setProtectedHeader({alg: "RS256", typ: "JWT", kid: this.kid}).sign(this.key);
    }

    async answer(request, response) {
        const fault = faults[this.fault];
        if (!fault) throw new Error(`no fault is called ${this.fault}`);
        const path = new URL(request.url, this.issuer).pathname;
        this.asked[path] = (this.asked[path] ?? 0) + 1;
        // Whoever waits has gone when the time is over.
        if (fault.delay?.[path]) {
            const gone = new AbortController();
            response.once("close", () => gone.abort());
            await sleep(fault.delay[path], undefined, {signal: gone.signal, ref: false}).catch(() => {});
            if (gone.signal.aborted) return;
        }
        const raw = fault.raw?.[path];
        if (raw) {
            const [status, type, text, more] = raw;
            response.writeHead(status, {"Content-Type": type, ...more});
            return response.end(text);
        }
        const asked = new URL(request.url, this.issuer);
        if (path === "/auth") fault.request?.(asked);
        const told = await this.pass(request, asked.pathname + asked.search);
        let content = told.content;
        const change = async (hook) => {
            const changed = await hook(JSON.parse(content), this);
            content = Buffer.from(JSON.stringify(changed));
        };
        const good = told.status === 200;
        if (good && path === "/jwks") await change((set) => ({keys: [...set.keys, ...this.published]}));
        if (good && path === "/.well-known/openid-configuration") {
            // The provider announces a second algorithm, which the appliance must not take for signing with a secret.
            await change((all) => ({...all, id_token_signing_alg_values_supported: ["HS256", "RS256", "none"]}));
            if (fault.metadata) await change(fault.metadata);
        }
        if (good && path === "/token" && fault.token) await change(fault.token);
        if (good && path === "/me" && fault.userinfo) await change(fault.userinfo);
        const location = told.headers.location;
        if (location && new URL(location, this.issuer).origin !== this.issuer) {
            const url = new URL(location);
            fault.redirect?.(url, this);
            told.headers.location = url.href;
            this.answers.push(url.href);
        }
        delete told.headers["transfer-encoding"];
        response.writeHead(told.status, {...told.headers, "content-length": content.length});
        response.end(content);
    }

    /** Asks the provider behind. The name under which it was called goes along, so that its addresses are ours. */
    async pass(request, path) {
        const sent = await body(request);
        const {port} = this.provider.site;
        return new Promise((resolve, reject) => {
            const {method, headers} = request;
            const onward = ask({host: "127.0.0.1", port, method, path, headers}, async (answer) => {
                resolve({status: answer.statusCode, headers: answer.headers, content: await body(answer)});
            });
            onward.once("error", reject);
            onward.end(sent);
        });
    }
}
