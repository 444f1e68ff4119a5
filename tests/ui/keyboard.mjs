// Everything by keyboard, and where the focus is.

import {assert, heading, NAME, PASSWORD, test} from "./harness.mjs";

const focused = (page) => page.evaluate(() => document.activeElement.outerHTML.slice(0, 120));

test("keyboard: the skip link comes first and leads to the content", async (t) => {
    await t.appliance((app) => app.admin());
    const page = await t.signedIn();
    for (const path of ["/", "/provisioning", "/people", "/account"]) {
        await page.goto(t.url(path));
        await page.keyboard.press("Tab");
        const skip = page.locator(".skip");
        assert(await skip.evaluate((element) => element === document.activeElement && element.getBoundingClientRect().top >= 0), path);
        await page.keyboard.press("Enter");
        assert.equal(await page.evaluate(() => document.activeElement.id), "main");
        await page.keyboard.press("Tab");
        assert(await page.evaluate(() => !!document.activeElement.closest("main")), await focused(page));
    }
});

test("keyboard: a whole set-up and a token, without the mouse", async (t) => {
    const app = await t.appliance();
    const page = await t.page();
    await page.goto(t.url("/setup"));
    const tabTo = async (locator) => {
        for (let i = 0; i < 80; i++) {
            if (await locator.evaluate((element) => element === document.activeElement)) return;
            await page.keyboard.press("Tab");
        }
        assert.fail(`no way to ${locator}`);
    };
    await tabTo(page.getByLabel("Claim code"));
    await page.keyboard.type(app.code);
    await page.keyboard.press("Tab");
    await page.keyboard.type(NAME);
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/provisioning");
    await tabTo(page.getByLabel("Go on without single sign-on"));
    await page.keyboard.press("Space");
    await tabTo(page.getByRole("button", {name: "Turn provisioning on"}));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", {name: "Provisioning is on"}).waitFor();
    await tabTo(page.getByRole("link", {name: "Create token"}));
    await page.keyboard.press("Enter");
    await page.waitForURL("**/tokens/new");
    await tabTo(page.getByLabel("Provisioning", {exact: true}));
    await page.keyboard.press("ArrowDown");
    assert(await page.getByLabel("Reading", {exact: true}).isChecked(), "arrows choose");
    await page.keyboard.press("ArrowUp");
    await tabTo(page.getByLabel("Name", {exact: true}).or(page.locator("#name")).first());
    await page.keyboard.press("Enter");
    await page.getByRole("heading", {name: "Store this token now"}).waitFor();
    await tabTo(page.getByRole("link", {name: "I have stored it"}));
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/provisioning/);
    await tabTo(page.getByRole("button", {name: "Sign out"}));
    await page.keyboard.press("Enter");
    await page.waitForURL("**/sign-in");
    assert.equal(await heading(page), "Sign in");
});

for (const [words, viewport] of [["on a desk", {width: 1280, height: 860}], ["on a telephone", {width: 390, height: 700}]]) {
    test(`keyboard: the focus goes in order, is seen, and nothing hides it, ${words}`, async (t) => {
        const app = await t.appliance((app) => {
            app.admin();
            app.on();
        });
        const token = app.token();
        const id = await app.user(token, "ada@example.com", {displayName: "Ada Lovelace"});
        const page = await t.signedIn({viewport});
        for (const path of ["/", "/provisioning", "/people", `/people/${id}`, "/requests", "/admins", "/account", "/tokens/new", "/provisioning/off"]) {
            await page.goto(t.url(path));
            let last = -1;
            let stops = 0;
            for (;;) {
                await page.keyboard.press("Tab");
                const found = await page.evaluate(() => {
                    const element = document.activeElement;
                    if (!element || element === document.body) return null;
                    const style = getComputedStyle(element);
                    const box = element.getBoundingClientRect();
                    // A link of several lines has its middle beside itself.
                    const [line] = element.getClientRects();
                    const middle = document.elementFromPoint(line.left + line.width / 2, Math.min(line.top + line.height / 2, innerHeight - 1));
                    return {
                        html: element.outerHTML.slice(0, 120),
                        order: [...document.querySelectorAll("*")].indexOf(element),
                        outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
                        inside: box.bottom > 0 && box.top < innerHeight,
                        open: !!middle && (element.contains(middle) || middle.contains(element) || element.labels?.[0]?.contains(middle)),
                        covered: middle?.closest(".top") && !element.closest(".top"),
                        tabindex: element.tabIndex,
                    };
                });
                // Behind the last one comes the browser itself, or the first one again.
                if (!found || (stops > 0 && found.html.includes('class="skip"'))) break;
                const where = `${path}: ${found.html}`;
                assert(found.order > last, `out of order, ${where}`);
                assert(found.outline, `not seen, ${where}`);
                assert(found.inside, `not in the window, ${where}`);
                assert(found.open && !found.covered, `hidden, ${where}`);
                assert(found.tabindex <= 0, where);
                last = found.order;
                if (++stops > 200) assert.fail("no end");
            }
            assert(stops >= 9, `${path} has ${stops} stops`);
        }
    });
}

test("keyboard: nothing happens on focus or choice alone", async (t) => {
    const app = await t.appliance((app) => {
        app.admin();
        app.on();
    });
    app.token();
    const page = await t.signedIn();
    await page.goto(t.url("/requests"));
    await page.getByLabel("Method").focus();
    await page.keyboard.press("ArrowDown");
    await page.getByLabel("Method").selectOption("PUT");
    await page.waitForTimeout(300);
    assert.equal(page.url(), t.url("/requests"));
    await page.getByLabel("Client").fill("okta");
    await page.keyboard.press("Enter");
    await page.waitForURL(/client=okta/);
    // Passwords can be pasted, and managers are told what is what.
    await page.goto(t.url("/account"));
    assert.equal(await page.locator("#password").getAttribute("autocomplete"), "current-password");
    assert.equal(await page.locator("#new-password").getAttribute("autocomplete"), "new-password");
    assert.equal(await page.locator("input[name=username]").getAttribute("autocomplete"), "username");
    // The button shows what was typed, and says so.
    await page.locator("#new-password").fill("typed words");
    const show = page.locator("[data-reveal=new-password]");
    await show.focus();
    await page.keyboard.press("Space");
    assert.equal(await page.locator("#new-password").getAttribute("type"), "text");
    assert.equal(await show.getAttribute("aria-pressed"), "true");
});
