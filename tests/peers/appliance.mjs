// What the tests for Node share: requests to the appliance, counted checks, and chance that can be repeated.

import {isDeepStrictEqual} from "node:util";

const base = process.argv[2]?.replace(/\/+$/, "");
const token = process.env.SCIM_TOKEN;
if (!base || !token) {
    console.error("Usage: SCIM_TOKEN=... node FILE BASE [SEED], where BASE ends in /scim/v2");
    process.exit(2);
}

export const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
export const ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
export const PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

let last = "";

/** One request; answers {status, body}. An answer with a body that is not SCIM JSON (RFC 7644 §3.1) throws. */
export async function ask(method, path, body) {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const answer = await fetch(base + path, {
        method,
        headers: {
            Authorization: `Bearer ${token}`,
            Accept: "application/scim+json",
            ...(sent === undefined ? {} : {"Content-Type": "application/scim+json"}),
        },
        body: sent,
        signal: AbortSignal.timeout(30_000),
    });
    const text = await answer.text();
    last = `${method} ${path} ${sent ?? ""}\n    ${answer.status} ${text}`;
    const type = answer.headers.get("content-type") ?? "";
    if (text !== "" && !/^application\/scim\+json(;|$)/.test(type)) throw new Error(`${last}\n    is ${type}`);
    return {status: answer.status, body: text === "" ? undefined : JSON.parse(text)};
}

/** A request that has to go well: answers the body, and throws otherwise. */
export async function done(method, path, body) {
    const answer = await ask(method, path, body);
    if (answer.status >= 300) throw new Error(last);
    return answer.body;
}

const counts = {good: 0, bad: 0};

const brief = (value) => JSON.stringify(value)?.slice(0, 2000);

/** Fails unless both are equal, whatever the order of their members. */
export function same(name, is, wanted) {
    if (isDeepStrictEqual(is, wanted)) return void counts.good++;
    counts.bad++;
    const told = [`FAILED ${name}`, `is     ${brief(is)}`, `wanted ${brief(wanted)}`, last.slice(0, 2000)];
    if (counts.bad <= 20) console.log(told.join("\n    "));
}

/** Prints the line with the counts; the process fails when a check did, or when fewer than `least` were made. */
export function finish(library, least) {
    console.log(`${library}: ${counts.good} passed, ${counts.bad} failed`);
    process.exitCode = counts.bad === 0 && counts.good >= least ? 0 : 1;
}

/** Letters that no other run uses. */
export const mark = Date.now().toString(36) + process.pid.toString(36);

/** Chance that is the same each time, unless another seed is given (mulberry32). */
export class Chance {
    constructor(seed = Number(process.argv[3] ?? 7643)) {
        this.state = seed >>> 0;
    }
    next() {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let t = this.state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    }
    /** A whole number from 0 to n-1. */
    below(n) {
        return Math.floor(this.next() * n);
    }
    /** True once in n. */
    once(n) {
        return this.below(n) === 0;
    }
    /** One of a list. */
    of(list) {
        return list[this.below(list.length)];
    }
}
