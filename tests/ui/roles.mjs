// Roles: rules in their order, by buttons and by dragging; who would change; somebody to test; a role for one person.

import {assert, both, send, test} from "./harness.mjs";

async function prepared(t) {
    const app = await t.appliance((app) => {
        app.admin();
        app.on();
    });
    const token = app.token();
    const ids = [];
    for (const name of ["ada", "grace", "alan"]) ids.push(await app.user(token, `${name}@example.com`, {displayName: name}));
    const groups = {};
    for (const [name, members] of [["Auditors", ids.slice(0, 2)], ["Board", ids.slice(0, 1)], ["Crew", ids]]) {
        groups[name] = await app.group(token, name, members);
    }
    return {app, token, ids, groups};
}

const order = (page) => page.locator("tbody th[scope=row] a").evaluateAll((all) => all.map((a) => a.textContent).filter((name) => /^[A-Z]/.test(name)));

async function add(page, group, role) {
    await page.getByLabel("Group", {exact: true}).fill(group);
    await page.getByLabel("Role of its members").selectOption({label: role});
    await page.getByRole("button", {name: "Add a rule"}).click();
    await page.getByRole("link", {name: group}).waitFor();
}

both("roles: rules are drafted, looked at and saved", async (t) => {
    const {app, ids} = await prepared(t);
    const page = await t.signedIn();
    await page.getByRole("link", {name: "Roles"}).click();
    assert.match(await page.locator(".lede").innerText(), /There is no rule/);
    await add(page, "Auditors", "Compliance manager");
    await add(page, "Board", "Admin");
    assert.match(await page.locator("#effects").innerText(), /2 people would have another role/);
    // The Enter key in the field tests whoever stands there.
    await page.getByLabel("userName or id").fill("ada@example.com");
    await page.getByLabel("userName or id").press("Enter");
    await page.getByText("and would be").waitFor();
    assert.match(await page.locator("main").innerText(), /ada@example\.com is Limited access user, and would be Compliance manager/);
    const up = page.getByRole("button", {name: "Up Board"});
    await up.focus();
    await page.keyboard.press("Enter");
    await page.getByText("and would be Admin").waitFor();
    assert.deepEqual((await order(page)).slice(0, 2), ["Board", "Auditors"]);
    // The first rule cannot go up any more, so the focus is on the other button.
    assert(await page.getByRole("button", {name: "Down Board"}).evaluate((el) => el === document.activeElement));
    assert.equal(await send(page, page.getByRole("button", {name: "Save the rules"})), 303);
    assert.equal(await page.getByText("Nothing is saved yet").count(), 0);
    const why = JSON.parse(app.command("", "role", "why", ids[0], "--json"));
    assert.equal(why.role.value, "ORGANIZATION_ADMINISTRATOR");
    // A box and a list are part of the draft as well.
    await page.getByLabel("Role of Auditors").selectOption({label: "User"});
    await page.getByRole("checkbox", {name: /Auditors/}).check();
    await page.getByRole("button", {name: "Show who would change"}).click();
    await page.getByText("1 person would have another role").waitFor();
    assert(await page.getByRole("checkbox", {name: /Auditors/}).isChecked());
    await page.getByRole("link", {name: "Discard the changes"}).click();
    await page.getByRole("button", {name: "Show who would change"}).waitFor();
    await page.getByRole("button", {name: "Remove Auditors"}).click();
    await page.getByText("1 person would have another role").waitFor();
    await page.getByRole("button", {name: "Save the rules"}).click();
    await page.getByRole("button", {name: "Show who would change"}).waitFor();
    assert.deepEqual(await order(page), ["Board"]);
});

test("roles: a rule is dragged to another place", async (t) => {
    const {app} = await prepared(t);
    for (const group of ["Auditors", "Board", "Crew"]) app.command("", "role", "rule", "add", "--group", group, "--role", "USER");
    for (const options of [{}, {viewport: {width: 390, height: 844}, hasTouch: true}]) {
        const page = await t.signedIn(options);
        await page.goto(t.url("/roles"));
        const rows = page.getByRole("region", {name: "Rules, in the order in which they decide"}).locator("tbody tr");
        const middle = async (i) => {
            const handle = rows.nth(i).locator("[data-drag]");
            await handle.scrollIntoViewIfNeeded();
            const box = await handle.boundingBox();
            return [box.x + box.width / 2, box.y + box.height / 2];
        };
        const [from, to] = [await middle(2), await middle(0)];
        await page.mouse.move(...from);
        await page.mouse.down();
        await page.mouse.move(to[0], (from[1] + to[1]) / 2, {steps: 5});
        await page.mouse.move(...to, {steps: 5});
        await page.mouse.up();
        await page.getByText("Nothing is saved yet").waitFor();
        assert.deepEqual((await order(page)).slice(0, 3), ["Crew", "Auditors", "Board"]);
        // Where it was is where it is: nothing is sent.
        const again = await middle(1);
        await page.mouse.move(...again);
        await page.mouse.down();
        await page.mouse.move(again[0] + 2, again[1]);
        await page.mouse.up();
        assert.equal(await page.locator(".dragged").count(), 0);
        await page.getByRole("link", {name: "Discard the changes"}).click();
        await page.getByRole("button", {name: "Show who would change"}).waitFor();
        assert.deepEqual((await order(page)).slice(0, 3), ["Auditors", "Board", "Crew"]);
    }
});

both("roles: one person is given a role", async (t) => {
    const {ids} = await prepared(t);
    const page = await t.signedIn();
    await page.goto(t.url(`/people/${ids[2]}`));
    await page.getByLabel("Give a role here").selectOption({label: "Admin"});
    await page.getByRole("button", {name: "Set the role"}).click();
    assert.match(await page.getByRole("region", {name: "Role", exact: true}).innerText(), /Admin ORGANIZATION_ADMINISTRATOR/);
    await page.goto(t.url("/roles"));
    assert.match(await page.getByRole("region", {name: "Given to single people"}).innerText(), /alan@example\.com: Admin/);
});
