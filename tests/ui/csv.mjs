// People from a file: chosen, looked at, confirmed, done; and the way back out.

import {readFileSync} from "node:fs";
import {assert, both, heading, PASSWORD, refused, send, test, unchecked} from "./harness.mjs";

const prepared = (t) =>
    t.appliance((app) => {
        app.admin();
        app.on();
    });
const file = (text, name = "people.csv") => ({name, mimeType: "text/csv", buffer: Buffer.from(text)});

/** Chooses a file and sends it, and waits for what was found in it. */
async function check(t, page, text) {
    await page.goto(t.url("/people/import"));
    await page.getByLabel("File").setInputFiles(file(text));
    await page.getByRole("button", {name: "Check the file"}).click();
    await page.waitForURL(/\/people\/import\/\w+$/);
}

both("import: a file is checked, confirmed and imported", async (t) => {
    const app = await prepared(t);
    const token = app.token();
    await app.user(token, "ada@example.com", {displayName: "Ada", title: "Countess"});
    const page = await t.signedIn();
    await page.goto(t.url("/people"));
    await page.getByRole("link", {name: "Import a file"}).click();
    assert.equal(await heading(page), "Import people");
    await unchecked(page);
    assert.equal(await send(page, page.getByRole("button", {name: "Check the file"})), 422);
    await refused(page, "file", /Choose a file that is not empty/, t.scripts);
    await page.getByLabel("File").setInputFiles(file('userName,title\nx,"y\n'));
    assert.equal(await send(page, page.getByRole("button", {name: "Check the file"})), 422);
    await refused(page, "file", /Line 2: The quote that begins here is never closed/, t.scripts);

    await check(t, page, "userName,title\nada@example.com,Lady\ngrace@example.com,'=Admiral\n<b>,\n");
    assert.equal(await heading(page), "Check the import");
    const changes = page.getByRole("table", {name: "Changes"});
    assert.match(await changes.innerText(), /Countess/);
    assert.match(await changes.innerText(), /=Admiral/);
    assert.match(await changes.innerText(), /<b>/);
    await app.age("authenticated", 6);
    await page.reload();
    await page.getByLabel("Your password").fill(PASSWORD);
    await page.getByRole("button", {name: "Import 3 people"}).click();
    await page.getByRole("heading", {name: "The people are imported"}).waitFor();
    assert.match(await page.locator("dl.facts").innerText(), /New people\s*2\s*Changed\s*1/);
    await page.getByRole("link", {name: "Go to people"}).click();
    assert.equal(await page.locator("tbody tr").count(), 3);

    const coming = page.waitForEvent("download");
    await page.getByRole("link", {name: "Export all"}).click();
    const download = await coming;
    assert.match(download.suggestedFilename(), /^people-\d{4}-\d\d-\d\d\.csv$/);
    const text = readFileSync(await download.path(), "utf8");
    assert.match(text, /grace@example\.com.*'=Admiral/);
    await check(t, page, text);
    assert.match(await page.locator("main").innerText(), /There is nothing to import/);
});

both("import: errors stand by line, and nothing can be imported", async (t) => {
    await prepared(t);
    const page = await t.signedIn();
    await check(t, page, "userName,active\ngood,true\nbad,perhaps\ngood,\n");
    assert.match(await page.title(), /^Error: /);
    const rows = page.getByRole("table", {name: "Errors"}).locator("tbody tr");
    assert.deepEqual(await rows.locator("th").allInnerTexts(), ["3", "4"]);
    assert.match(await rows.first().innerText(), /active\s+true or false is expected/);
    assert.equal(await page.getByRole("button", {name: /^Import/}).count(), 0);
    await page.getByRole("link", {name: "Choose the file again"}).click();
    assert.equal(await heading(page), "Import people");
});

both("import: everybody can be looked at, and nobody be imported", async (t) => {
    const app = await prepared(t);
    const page = await t.signedIn();
    const rows = Array.from({length: 150}, (_, i) => `p${i}@example.com,USER`);
    await check(t, page, ["userName,role", ...rows].join("\n"));
    assert.match(await page.locator("dl.facts").innerText(), /Role given or taken\s*150/);
    assert.equal(await page.locator("tbody tr").count(), 100);
    await page.getByRole("link", {name: "Next"}).click();
    await page.getByText("101 to 150 of 150").waitFor();
    assert.equal(await page.locator("tbody tr").count(), 50);
    assert.equal(await page.getByRole("button", {name: "Import 150 people"}).count(), 1);
    await app.age("authenticated", 6);
    await page.reload();
    await page.getByRole("button", {name: "Import nobody"}).click();
    await page.waitForURL(t.url("/people"));
    assert.equal(await heading(page), "People");
    assert.equal(await page.locator("tbody tr").count(), 0);
});

test("import: a long one shows how far it is, and then that it is done", async (t) => {
    await prepared(t);
    const page = await t.signedIn();
    const rows = Array.from({length: 20_000}, (_, i) => `p${i}@example.com,Person ${i}`);
    await check(t, page, ["userName,displayName", ...rows].join("\n"));
    await page.getByRole("button", {name: "Import 20,000 people"}).click({timeout: 60_000});
    await page.getByRole("progressbar").or(page.getByRole("heading", {name: "The people are imported"})).waitFor();
    await page.getByRole("heading", {name: "The people are imported"}).waitFor({timeout: 120_000});
    await page.waitForFunction(() => document.title.startsWith("The people are imported"));
    assert.match(await page.locator("dl.facts").innerText(), /New people\s*20,000/);
});
