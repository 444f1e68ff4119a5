// What the tests of the settings page share: an appliance of its own for each test, a browser that reports everything
// that should not happen, and hands that count what they do.

import assert from "node:assert/strict";
import {execFileSync, spawn} from "node:child_process";
import {createHmac} from "node:crypto";
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {createInterface} from "node:readline";
import {setTimeout as sleep} from "node:timers/promises";
import {chromium} from "playwright-core";

export {assert, sleep};

export const NAME = "Grace Hopper";
export const PASSWORD = "nanoseconds of copper wire";
/** How single sign-on is set up where a test needs no more of it than that, as it stands in the file. */
export const SET_UP = '{"kind":"okta","issuer":"https://example.okta.com","client_id":"x","secret":null,"scopes":[],"rules":[],"allow_email":false,"break_glass":false,"tested":{"at":0,"by":"admin:ada","good":true,"result":""}}';
export const OKTA = "Okta SCIM Client 1.0.0";
const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";

/** What was started and has not ended: it does not outlive the tests, however these end. */
const running = new Set();
process.on("exit", () => running.forEach((one) => one.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

/** The binary in a folder of its own. */
export class Appliance {
    constructor(binary, config) {
        this.binary = binary;
        this.folder = mkdtempSync(join(tmpdir(), "appliance-ui-"));
        this.file = join(this.folder, "config.toml");
        this.database = join(this.folder, "scim-appliance.db");
        writeFileSync(this.file, config ?? '[listen]\naddress = "127.0.0.1:0"\n');
    }

    /** Starts it, and waits until it says where it listens. */
    async start() {
        this.process = spawn(this.binary, ["--config", this.file, "serve"], {stdio: ["ignore", "pipe", "pipe"]});
        this.log = "";
        this.said = [];
        this.process.stderr.on("data", (data) => (this.log += data));
        const started = this.process;
        running.add(started);
        this.over = new Promise((resolve) => started.once("exit", resolve));
        this.over.then(() => running.delete(started));
        await new Promise((resolve, reject) => {
            const late = setTimeout(() => reject(new Error(`the server did not start: ${this.log}`)), 20_000);
            this.over.then(() => reject(new Error(`the server ended: ${this.log}`)));
            createInterface(this.process.stdout).on("line", (line) => {
                this.said.push(line);
                // The line about the state is the last one that is always there.
                if (!line.startsWith("Provisioning is ")) return;
                clearTimeout(late);
                resolve();
            });
        });
        const find = (pattern) => this.said.map((line) => line.match(pattern)?.[1]).find(Boolean);
        this.base = find(/^Listening on (\S+)$/);
        this.code = find(/claim code (\S+)/);
        return this;
    }

    /** Ends the process that was started here, and nothing else. */
    async stop() {
        const {process} = this;
        if (!process) return;
        this.process = undefined;
        process.kill("SIGTERM");
        const late = setTimeout(() => process.kill("SIGKILL"), 10_000);
        await this.over;
        clearTimeout(late);
    }

    async remove() {
        await this.stop();
        rmSync(this.folder, {recursive: true, force: true});
    }

    /** Stops it, and starts it again on the same address; `between` happens meanwhile. */
    async restart(between) {
        const address = new URL(this.base).host;
        await this.stop();
        between?.();
        writeFileSync(this.file, readFileSync(this.file, "utf8").replace("127.0.0.1:0", address));
        await this.start();
    }

    command(input, ...words) {
        return execFileSync(this.binary, ["--config", this.file, ...words], {
            input,
            encoding: "utf8",
            stdio: ["pipe", "pipe", "pipe"],
        }).trim();
    }

    /** An administrator, made on the command line. */
    admin(name = NAME, password = PASSWORD) {
        this.command(`${password}\n`, "admin", "create", name, "--password-stdin");
    }

    /** A token, made on the command line. */
    token(name = "okta-2026", ...more) {
        return this.command("", "token", "create", "--name", name, ...more);
    }

    on() {
        this.command("", "provisioning", "on", "--acknowledge-no-sso");
    }

    /** Runs one statement on the database file, which is how time passes here. Answers the rows. */
    sql(text, ...values) {
        return this.sqls(text, [values]);
    }

    /** The same for each row of values. */
    sqls(text, rows) {
        const script = `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
rows = [row for values in json.loads(sys.argv[3]) for row in db.execute(sys.argv[2], values).fetchall()]
db.commit()
print(json.dumps([[v.hex() if isinstance(v, bytes) else v for v in row] for row in rows]))`;
        const args = ["-c", script, this.database, text, JSON.stringify(rows)];
        return JSON.parse(execFileSync("python3", args, {encoding: "utf8"}));
    }

    /** Moves a time of all sessions into the past. */
    async age(column, minutes) {
        assert(["seen", "authenticated", "expires"].includes(column));
        const age = () => this.sql(`update session set ${column} = ${column} - ?`, minutes * 60_000_000);
        // The last use is held in memory and written a while later, or at the end.
        if (column === "seen") await this.restart(age);
        else age();
    }

    /** The time for the claim code is over. */
    endClaim() {
        const [[stored]] = this.sql("select value from setting where name = 'claim'");
        // The time is a number of its own; the digest beside it has digits as well.
        const over = stored.replace(/(?<![0-9a-f])\d{16}(?![0-9a-f])/, (end) => String(BigInt(end) - 1_800_000_000n));
        assert.notEqual(over, stored);
        this.sql("update setting set value = ? where name = 'claim'", over);
    }

    /** When the only session was last used. */
    async lastSeen() {
        await this.restart();
        return this.sql("select seen from session")[0][0];
    }

    /** A request of an identity provider. */
    async scim(token, method, path, body, {agent = OKTA} = {}) {
        const answer = await fetch(this.base + "/scim/v2" + path, {
            method,
            headers: {
                ...(token ? {Authorization: `Bearer ${token}`} : {}),
                "User-Agent": agent,
                ...(body ? {"Content-Type": "application/scim+json"} : {}),
            },
            body: body && JSON.stringify(body),
        });
        const text = await answer.text();
        return {status: answer.status, body: text ? JSON.parse(text) : undefined};
    }

    async user(token, userName, more = {}) {
        const {status, body} = await this.scim(token, "POST", "/Users", {schemas: [USER], userName, ...more});
        assert.equal(status, 201, JSON.stringify(body));
        return body.id;
    }

    async group(token, displayName, members = [], more = {}) {
        const body = {schemas: [GROUP], displayName, members: members.map((value) => ({value})), ...more};
        const answer = await this.scim(token, "POST", "/Groups", body);
        assert.equal(answer.status, 201, JSON.stringify(answer.body));
        return answer.body.id;
    }

    async patch(token, path, ...operations) {
        const body = {schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations: operations};
        const answer = await this.scim(token, "PATCH", path, body);
        assert(answer.status < 300, JSON.stringify(answer.body));
    }
}

/** What Chromium says of a page that was answered with a status, which is no fault of the page. */
const IS_STATUS = /^Failed to load resource: the server responded with a status of/;

/** One test: its appliance, its browsers, and what went wrong in them unseen. */
export class Scene {
    constructor(browser, binary, scripts) {
        this.browser = browser;
        this.binary = binary;
        this.scripts = scripts;
        this.troubles = [];
        this.contexts = [];
        this.pages = [];
        this.allowed = new Set();
        this.endings = [];
    }

    /** Another site that pages may lead to. */
    allow(origin) {
        this.allowed.add(origin);
    }

    /** Something to do at the end. */
    after(what) {
        this.endings.push(what);
    }

    /** Whether a URL belongs to such a site. */
    elsewhere(url) {
        return this.allowed.has(new URL(url).origin);
    }

    /** A new appliance that runs. What `prepare` does happens before the start. */
    async appliance(prepare, config) {
        this.app = new Appliance(this.binary, config);
        prepare?.(this.app);
        return this.app.start();
    }

    /** A page in a browser of its own. Nothing may be fetched from elsewhere, and nothing may be logged as an error. */
    async page({scripts = this.scripts, ...more} = {}) {
        const context = await this.browser.newContext({
            javaScriptEnabled: scripts,
            viewport: {width: 1280, height: 860},
            reducedMotion: "reduce",
            ...more,
        });
        this.contexts.push(context);
        context.setDefaultTimeout(15_000);
        const trouble = (what) => this.troubles.push(what);
        const page = await context.newPage();
        this.pages.push(page);
        page.on("console", (message) => {
            const text = message.text();
            if (!["error", "warning"].includes(message.type()) || IS_STATUS.test(text)) return;
            const {url} = message.location();
            if (!url || !this.elsewhere(url)) trouble(`console: ${text}`);
        });
        page.on("pageerror", (error) => trouble(`script: ${error.message}`));
        page.on("dialog", (dialog) => {
            trouble(`dialog: ${dialog.message()}`);
            dialog.dismiss();
        });
        page.on("request", (request) => {
            const {origin, protocol} = new URL(request.url());
            if (["blob:", "data:"].includes(protocol) || origin === this.app.base) return;
            // People are sent there; a page of ours fetches nothing from there.
            if (this.allowed.has(origin) && (request.isNavigationRequest() || this.elsewhere(request.frame().url()))) return;
            trouble(`fetched from elsewhere: ${request.url()}`);
        });
        return page;
    }

    url(path) {
        return this.app.base + path;
    }

    /** A page of somebody who has just signed in. */
    async signedIn(options) {
        const page = await this.page(options);
        await page.goto(this.url("/sign-in"));
        await signIn(page);
        await page.waitForURL(this.url("/"));
        return page;
    }

    async end() {
        for (const context of this.contexts) await context.close();
        await this.app?.remove();
        for (const ending of this.endings) await ending();
        assert.deepEqual([...new Set(this.troubles)], [], "the browser reported troubles");
    }
}

/** Fills in the sign-in form and sends it. */
export async function signIn(page, name = NAME, password = PASSWORD) {
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Password", {exact: true}).fill(password);
    await page.getByRole("button", {name: "Sign in"}).click();
}

/** Hands: what somebody does on a page beside typing, counted. */
export class Hands {
    actions = [];
    async click(target) {
        this.actions.push(`click ${target}`);
        await target.click();
    }
    async choose(target) {
        this.actions.push(`choose ${target}`);
        await target.check();
    }
}

export const heading = (page) => page.locator("h1").innerText();

/** The status of a form's answer. */
export async function send(page, button) {
    const coming = page.waitForResponse((response) => response.request().method() === "POST");
    coming.catch(() => {});
    await button.click();
    const answer = await coming;
    await page.waitForLoadState();
    return answer.status();
}

/** Lets a form reach the server that the browser itself would hold back: the server has to refuse it as well. */
export const unchecked = (page) => page.evaluate(() => [...document.forms].forEach((form) => (form.noValidate = true)));

/** A refused form: the summary has the focus and leads to the field, which has the sentence beside it. */
export async function refused(page, field, sentence, scripts) {
    const summary = page.locator("main .notice-bad[role=alert]");
    assert.match(await summary.innerText(), sentence);
    const link = summary.locator(`a[href="#${field}"]`);
    assert.equal(await link.count(), 1, `the summary leads to ${field}`);
    const error = page.locator(`#${field}-error`);
    assert.match(await error.innerText(), sentence);
    const input = page.locator(`#${field}`);
    assert.equal(await input.getAttribute("aria-invalid"), "true");
    assert((await input.getAttribute("aria-describedby")).split(/\s+/).includes(`${field}-error`));
    assert.match(await page.title(), /^Error: /);
    if (scripts) assert(await summary.evaluate((element) => element === document.activeElement), "the summary has the focus");
}

/** The code of an authenticator app (RFC 6238), some steps of 30 seconds away. */
export function totp(secret, away = 0, now = Date.now()) {
    const letters = secret.replace(/\s/g, "");
    const bits = [...letters].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
    const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(now / 30_000) + away));
    const mac = createHmac("sha1", key).update(counter).digest();
    const at = mac.at(-1) & 15;
    return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** Waits until a code is good for some seconds more, so that no test stands on the edge of two. */
export async function steadyTime() {
    const left = 30_000 - (Date.now() % 30_000);
    if (left < 6_000) await sleep(left + 200);
}

/** The cookie of a session, as the browser keeps it. */
export async function sessionCookie(page) {
    const cookies = await page.context().cookies();
    return cookies.find((cookie) => cookie.name === "scim-appliance")?.value;
}

/** Asks for a page as somebody who has a cookie. */
export const withCookie = (url, cookie) =>
    fetch(url, {headers: {Cookie: `scim-appliance=${cookie}`, Accept: "text/html"}, redirect: "manual"});

export async function openBrowser() {
    const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
    // Without the sandbox: the tests are root in a container, and look at nothing but pages of the server under test.
    const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb"];
    return chromium.launch({executablePath, args});
}

// The list of tests.

export const tests = [];

/** A test that needs a browser with scripts. */
export const test = (name, run) => tests.push({name, run, scripts: true});

/** A test that has to pass with scripts and without. */
export function both(name, run) {
    tests.push({name: `${name} (scripts on)`, run, scripts: true});
    tests.push({name: `${name} (scripts off)`, run, scripts: false});
}
