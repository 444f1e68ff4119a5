// Two OpenID Connect providers that others wrote, on ports of this machine: oidc-provider for Node, which can change
// its keys and its mind, and Canaille, a whole product. Both have the same people.

import {spawn} from "node:child_process";
import {randomBytes} from "node:crypto";
import {once} from "node:events";
import {createServer} from "node:http";
import {createInterface} from "node:readline";
import {exportJWK, generateKeyPair} from "jose";
import {Provider} from "oidc-provider";

const PASSWORD = "a penny for the ferryman";
const person = (login, sub, name, more = {}) => ({
    login,
    sub,
    password: PASSWORD,
    name,
    email: `${login}@example.com`,
    email_verified: true,
    preferred_username: `${login}@example.com`,
    ...more,
});

/** Who can sign in at the providers. Whether the appliance knows them is another matter. */
export const people = {
    ada: person("ada", "00u1ada", "Ada Lovelace"),
    bob: person("bob", "00u2bob", "Bob Kahn"),
    // Two people of the appliance may fit her.
    cleo: person("cleo", "00u3cleo", "Cleo Twice"),
    // Nobody in the appliance fits him.
    zeno: person("zeno", "00u9zeno", "Zeno Unknown"),
    // Anybody can say that an address is theirs.
    mallory: person("mallory", "00u6mallory", "Mallory Claims", {
        email: "ada@example.com",
        email_verified: false,
        preferred_username: "ada@example.com",
    }),
};

const running = new Set();
process.on("exit", () => running.forEach((one) => one.kill("SIGKILL")));

/**
 * A server on a free port of this machine, that can be stopped and started again on the same one. It is called by a name,
 * and the appliance by its address: for a browser these are different sites, as they are where both are in use.
 */
export class Site {
    constructor(answer) {
        this.server = createServer((request, response) => {
            Promise.resolve(answer(request, response)).catch((error) => {
                response.statusCode = 500;
                response.end(String(error.stack));
            });
        });
    }

    async start() {
        this.server.listen(this.port ?? 0, "127.0.0.1");
        await once(this.server, "listening");
        this.port = this.server.address().port;
        this.origin = `http://localhost:${this.port}`;
        return this;
    }

    async stop() {
        if (!this.server.listening) return;
        const closed = once(this.server, "close");
        this.server.close();
        this.server.closeAllConnections();
        await closed;
    }
}

export async function body(request) {
    const parts = [];
    for await (const part of request) parts.push(part);
    return Buffer.concat(parts);
}

async function newKey(alg) {
    const {privateKey} = await generateKeyPair(alg, {extractable: true});
    return {...(await exportJWK(privateKey)), kid: randomBytes(6).toString("hex"), alg, use: "sig"};
}

/** What the provider remembers, while the tests run. */
class Memory {
    static all = new Map();
    constructor(kind) {
        this.kind = kind;
    }
    key(id) {
        return `${this.kind}:${id}`;
    }
    async upsert(id, payload) {
        Memory.all.set(this.key(id), payload);
    }
    async find(id) {
        return Memory.all.get(this.key(id));
    }
    async findByUid(uid) {
        return [...Memory.all].find(([key, value]) => key.startsWith(`${this.kind}:`) && value.uid === uid)?.[1];
    }
    async consume(id) {
        const payload = Memory.all.get(this.key(id));
        if (payload) payload.consumed = Math.floor(Date.now() / 1000);
    }
    async destroy(id) {
        Memory.all.delete(this.key(id));
    }
    async revokeByGrantId(grantId) {
        for (const [key, value] of Memory.all) {
            if (/^(AccessToken|AuthorizationCode):/.test(key) && value.grantId === grantId) Memory.all.delete(key);
        }
    }
}

const sheet = (title, inside) =>
    `<!doctype html><html lang="en"><title>${title}</title><meta charset="utf-8"><h1>${title}</h1>${inside}</html>`;

/**
 * The provider oidc-provider. `issuer` is what it says it is, if somebody stands in front of it; the clients are told
 * later, because their addresses are known later.
 */
export class OidcProvider {
    constructor({issuer, alg = "RS256", seconds = 300, claimsInToken = false} = {}) {
        Object.assign(this, {issuer, alg, seconds, claimsInToken});
        this.people = structuredClone(people);
        this.client = {client_id: "appliance", client_secret: randomBytes(24).toString("base64url")};
        this.cookies = [randomBytes(16).toString("hex")];
        this.site = new Site((request, response) => this.answer(request, response));
    }

    async start() {
        await this.site.start();
        this.issuer ??= this.site.origin;
        this.keys ??= [await newKey(this.alg)];
        this.make();
        return this;
    }

    stop() {
        return this.site.stop();
    }

    /** Registers the addresses of the client. */
    register(redirects, signOuts = []) {
        this.client.redirect_uris = redirects;
        this.client.post_logout_redirect_uris = signOuts;
        this.make();
    }

    /** Signs with a new key from now on, and forgets the old one. */
    async rotate() {
        this.keys = [await newKey(this.alg)];
        this.make();
    }

    make() {
        const found = (sub) => Object.values(this.people).find((one) => one.sub === sub);
        const scope = "openid profile email";
        const provider = new Provider(this.issuer, {
            adapter: Memory,
            jwks: {keys: this.keys},
            cookies: {keys: this.cookies},
            clients: [
                {
                    redirect_uris: ["http://127.0.0.1:9/none"],
                    post_logout_redirect_uris: [],
                    grant_types: ["authorization_code"],
                    response_types: ["code"],
                    id_token_signed_response_alg: this.alg,
                    ...this.client,
                },
            ],
            enabledJWA: {idTokenSigningAlgValues: ["HS256", "RS256", "PS256", "ES256", "EdDSA"]},
            pkce: {required: () => true, methods: ["S256"]},
            claims: {openid: ["sub"], profile: ["name", "preferred_username"], email: ["email", "email_verified"]},
            conformIdTokenClaims: !this.claimsInToken,
            ttl: {IdToken: this.seconds, AccessToken: 300, AuthorizationCode: 60, Grant: 3600, Session: 3600, Interaction: 600},
            interactions: {url: (_, {uid}) => `/interaction/${uid}`},
            features: {
                devInteractions: {enabled: false},
                rpInitiatedLogout: {
                    enabled: true,
                    logoutSource: (ctx, form) => {
                        const button = '<button form="op.logoutForm" name="logout" value="yes">Sign out of everything</button>';
                        ctx.body = sheet("Provider: sign out", form + button);
                    },
                    postLogoutSuccessSource: (ctx) => {
                        ctx.body = sheet("Provider: signed out", "");
                    },
                },
            },
            findAccount: (_, sub) =>
                found(sub) && {
                    accountId: sub,
                    claims: () => {
                        const {login, password, ...claims} = found(sub);
                        return claims;
                    },
                },
            // The client belongs to the house: nobody is asked for consent.
            loadExistingGrant: async (ctx) => {
                const {client, session} = ctx.oidc;
                const known = session.grantIdFor(client.clientId);
                // A code that is used twice ends the grant.
                const found = known && (await ctx.oidc.provider.Grant.find(known));
                if (found) return found;
                const grant = new ctx.oidc.provider.Grant({clientId: client.clientId, accountId: session.accountId});
                grant.addOIDCScope(scope);
                await grant.save();
                return grant;
            },
            renderError: (ctx, out) => {
                ctx.type = "html";
                ctx.body = sheet("Provider: error", Object.values(out).join(" ").replace(/[<&]/g, " "));
            },
        });
        // A server in front tells under which name it was called.
        provider.proxy = true;
        this.provider = provider;
        this.handle = provider.callback();
    }

    answer(request, response) {
        if (request.url === "/favicon.ico") return response.writeHead(204).end();
        return request.url.startsWith("/interaction/") ? this.interact(request, response) : this.handle(request, response);
    }

    /** The form in which people sign in. */
    async interact(request, response) {
        const {prompt} = await this.provider.interactionDetails(request, response);
        if (prompt.name !== "login") throw new Error(`nobody answers to ${prompt.name}`);
        let wrong = "";
        if (request.method === "POST") {
            const typed = new URLSearchParams((await body(request)).toString());
            const one = this.people[typed.get("login")];
            if (one && one.password === typed.get("password")) {
                const login = {accountId: one.sub};
                return this.provider.interactionFinished(request, response, {login}, {mergeWithLastSubmission: false});
            }
            wrong = "<p role=alert>That is not right.</p>";
        }
        response.setHeader("Content-Type", "text/html");
        response.end(
            sheet(
                "Provider: sign in",
                `${wrong}<form method="post"><label>Login <input name="login"></label>
                <label>Password <input name="password" type="password"></label><button>Continue</button></form>`,
            ),
        );
    }

    /** Fills in the form, as somebody at a browser. */
    async signIn(page, {login, password} = people.ada) {
        await page.getByRole("heading", {name: "Provider: sign in"}).waitFor();
        await page.getByLabel("Login").fill(login);
        await page.getByLabel("Password").fill(password);
        await page.getByRole("button", {name: "Continue"}).click();
    }

    /** Agrees that the session at the provider ends as well. */
    async signOut(page) {
        await page.getByRole("button", {name: "Sign out of everything"}).click();
    }
}

/** Canaille, in a process of its own. Needs the interpreter of its own environment, in CANAILLE_PYTHON. */
export class Canaille {
    people = people;
    client = {};

    async start() {
        const program = new URL("./canaille_server.py", import.meta.url).pathname;
        const python = process.env.CANAILLE_PYTHON;
        if (!python) throw new Error("CANAILLE_PYTHON is needed: the interpreter that has Canaille");
        const child = spawn(python, ["-B", program], {stdio: ["pipe", "pipe", "pipe"]});
        this.process = child;
        running.add(child);
        this.over = once(child, "exit").then(() => running.delete(child));
        this.log = "";
        child.stderr.on("data", (data) => (this.log = (this.log + data).slice(-20_000)));
        child.stdin.write(JSON.stringify({people: Object.values(people)}) + "\n");
        const lines = createInterface(child.stdout);
        const [line] = await Promise.race([
            once(lines, "line"),
            this.over.then(() => Promise.reject(new Error(`Canaille ended: ${this.log}`))),
        ]);
        this.direct = line;
        this.issuer = `${line.replace("127.0.0.1", "localhost")}/`;
        return this;
    }

    async stop() {
        const {process} = this;
        if (!process) return;
        this.process = undefined;
        process.kill("SIGKILL");
        await this.over;
    }

    async register(redirects, signOuts = []) {
        const answer = await fetch(`${this.direct}/oauth/register`, {
            method: "POST",
            headers: {"Content-Type": "application/json"},
            body: JSON.stringify({
                client_name: "The appliance",
                client_uri: new URL(redirects[0]).origin,
                redirect_uris: redirects,
                post_logout_redirect_uris: signOuts,
                grant_types: ["authorization_code"],
                response_types: ["code"],
                token_endpoint_auth_method: "client_secret_basic",
                scope: "openid profile email",
            }),
        });
        if (answer.status !== 201) throw new Error(`Canaille did not register: ${await answer.text()}`);
        const {client_id, client_secret} = await answer.json();
        this.client = {client_id, client_secret};
    }

    async signIn(page, {login, password} = people.ada) {
        await page.locator("input[name=login]").fill(login);
        await page.locator("button[type=submit]").first().click();
        await this.confirm(page, {password});
    }

    /** It knows who that is, and asks for the password alone. */
    async confirm(page, {password} = people.ada) {
        await page.locator("input[name=password]").fill(password);
        await page.locator("button[type=submit]").first().click();
    }
}
