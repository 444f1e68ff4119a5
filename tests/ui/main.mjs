// Runs the tests of the settings page: node main.mjs BINARY [PART OF A NAME]... Pictures go to the folder of the
// environment variable PICTURES, of a test that failed as well.

import {mkdirSync} from "node:fs";
import {join} from "node:path";
import {openBrowser, Scene, tests} from "./harness.mjs";

const [binary, ...parts] = process.argv.slice(2);
if (!binary) {
    console.error("Usage: [PICTURES=FOLDER] node main.mjs BINARY [PART OF A NAME]...");
    process.exit(2);
}
const files = ["setup", "sign_in", "account", "provisioning", "tokens", "directory", "csv", "editing", "leaving", "roles", "idle", "sso", "sso_peers", "sso_faults", "requests", "errors", "keyboard", "tour"];
for (const file of files) await import(`./${file}.mjs`);

const pictures = process.env.PICTURES ?? "screenshots";
mkdirSync(pictures, {recursive: true});
// The long ones first, so that none is left alone at the end.
const isLong = ({name}) => /^tour|one thing at a time/.test(name);
const chosen = [...tests].sort((a, b) => isLong(b) - isLong(a)).filter((test) => parts.length === 0 || parts.some((part) => test.name.includes(part)));
const browser = await openBrowser();
let passed = 0;
let failed = 0;

/** No test takes as long as this; one that waits for what never comes fails, and holds up nobody else. */
const LONGEST = 6 * 60_000;

async function run({name, run, scripts}) {
    const start = Date.now();
    const scene = new Scene(browser, binary, scripts);
    scene.pictures = pictures;
    let wrong;
    let clock;
    const late = new Promise((_, reject) => {
        clock = setTimeout(() => reject(new Error(`still not done after ${LONGEST / 1000} s`)), LONGEST);
    });
    const done = run(scene, scripts);
    // What it still has to say when its time is over.
    done.catch(() => {});
    try {
        await Promise.race([done, late]);
    } catch (error) {
        wrong = error;
        const open = scene.pages.filter((page) => !page.isClosed());
        const file = `failed-${name.replace(/\W+/g, "-").slice(0, 80)}`;
        for (const [i, page] of open.entries()) {
            await page.screenshot({path: join(pictures, `${file}-${i}.png`), fullPage: true}).catch(() => {});
        }
    }
    clearTimeout(clock);
    const log = scene.app?.log ?? "";
    await scene.end().catch((error) => (wrong ??= error));
    const took = `${((Date.now() - start) / 1000).toFixed(1)} s`;
    if (!wrong) {
        passed++;
        console.log(`ok      ${name} (${took})${scene.note ? `: ${scene.note}` : ""}`);
        return;
    }
    failed++;
    const urls = scene.pages.map((page) => page.url()).join(" ");
    const told = [`FAILED  ${name} (${took})`, wrong.stack, `pages: ${urls}`, ...log.trim().split("\n").slice(-5)];
    console.log(told.join("\n        "));
}

// Three at a time: each has an appliance and a browser context of its own, and waits for clocks now and then.
const queue = [...chosen];
const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await run(next);
};
await Promise.all([worker(), worker(), worker()]);
await browser.close();
console.log(`settings page: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
