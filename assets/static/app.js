// scim-appliance settings page. Everything works without this file; it only makes things quicker.
(() => {
  "use strict";
  const doc = document;
  const all = (root, what) => [...root.querySelectorAll(what)];
  const here = () => location.pathname + location.search;

  // One polite live region for the results of small actions.
  const status = doc.createElement("p");
  status.className = "sr-only";
  status.setAttribute("role", "status");
  doc.body.append(status);
  const say = (words) => {
    status.textContent = "";
    setTimeout(() => { status.textContent = words; }, 50);
  };

  // Times: <time datetime> gets the local time as title, and words such as "2 minutes ago".
  // data-time="exact" keeps date and clock time, but in the local time zone.
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
  const clock = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
  const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
  const ago = (then) => {
    const seconds = (then - Date.now()) / 1000;
    const size = Math.abs(seconds);
    if (size < 10) return seconds > 0 ? "in a moment" : "just now";
    if (size < 60) return relative.format(Math.round(seconds), "second");
    if (size < 3600) return relative.format(Math.round(seconds / 60), "minute");
    if (size < 86400) return relative.format(Math.round(seconds / 3600), "hour");
    if (size < 31 * 86400) return relative.format(Math.round(seconds / 86400), "day");
    return day.format(then);
  };
  const times = (root) => {
    for (const el of all(root, "time[datetime]")) {
      const then = new Date(el.dateTime);
      if (isNaN(then)) continue;
      const words = el.dataset.time === "exact" ? clock.format(then) : ago(then);
      if (el.textContent !== words) el.textContent = words;
      if (!el.title) el.title = full.format(then);
    }
  };

  const needScript = "[data-copy],[data-download],[data-reveal],[data-js]";
  const enhance = (root) => {
    for (const el of all(root, needScript)) el.hidden = false;
    times(root);
  };

  // Copy, download, show
  const valueOf = (el) => {
    if ("value" in el && el.tagName !== "LI") return el.value;
    const items = all(el, "li");
    return items.length ? items.map((li) => li.textContent.trim()).join("\n") + "\n" : el.textContent.trim();
  };
  const copyOld = (text) => {
    const box = doc.createElement("textarea");
    box.value = text;
    box.className = "sr-only";
    box.readOnly = true;
    const back = doc.activeElement;
    doc.body.append(box);
    box.select();
    let done = false;
    try { done = doc.execCommand("copy"); } catch { /* said below */ }
    box.remove();
    if (back) back.focus();
    return done;
  };
  const copy = async (button) => {
    const from = doc.getElementById(button.dataset.copy);
    if (!from) return;
    const text = valueOf(from);
    let done = false;
    try { await navigator.clipboard.writeText(text); done = true; } catch { done = copyOld(text); }
    if (!done) {
      if (from.select) { from.focus(); from.select(); }
      say("Copying is not allowed here. Select the text and copy it yourself.");
      return;
    }
    say("Copied");
    button.dataset.words ??= button.textContent;
    button.textContent = "Copied";
    clearTimeout(button.timer);
    button.timer = setTimeout(() => { button.textContent = button.dataset.words; }, 2000);
  };
  const download = (button) => {
    const from = doc.getElementById(button.dataset.download);
    if (!from) return;
    const link = doc.createElement("a");
    link.href = URL.createObjectURL(new Blob([valueOf(from).trimEnd() + "\n"], { type: "text/plain" }));
    link.download = button.dataset.file || "scim-appliance.txt";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say("Downloaded");
  };
  const reveal = (button) => {
    const field = doc.getElementById(button.dataset.reveal);
    const show = field.type === "password";
    field.type = show ? "text" : "password";
    button.setAttribute("aria-pressed", String(show));
    say(show ? "The password is shown" : "The password is hidden");
  };
  doc.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy) copy(button);
    else if (button.dataset.download) download(button);
    else if (button.dataset.reveal) reveal(button);
    else if ("liveToggle" in button.dataset) toggle(button);
    else if ("stay" in button.dataset) stay();
  });

  // Rows that are dragged by their handle. Dropped elsewhere, the form is sent to see what that would change.
  doc.addEventListener("pointerdown", (event) => {
    const row = event.target.closest("[data-drag]") && event.target.closest("tr");
    if (!row) return;
    event.preventDefault();
    const start = row.rowIndex;
    const move = (to) => {
      const over = doc.elementFromPoint(to.clientX, to.clientY)?.closest("tr");
      if (over && over !== row && over.parentNode === row.parentNode) over[over.rowIndex > row.rowIndex ? "after" : "before"](row);
    };
    const end = () => {
      doc.removeEventListener("pointermove", move);
      row.classList.remove("dragged");
      const drop = row.closest("form").querySelector("[data-drop]");
      if (row.rowIndex !== start) drop.form.requestSubmit(drop);
    };
    row.classList.add("dragged");
    doc.addEventListener("pointermove", move);
    for (const what of ["pointerup", "pointercancel"]) doc.addEventListener(what, end, { once: true });
  });

  // A form is sent once, and remembers that it was edited.
  doc.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form) form.dataset.edited = "";
  });
  doc.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if ("sent" in form.dataset) { event.preventDefault(); return; }
    form.dataset.sent = "";
    setTimeout(() => { delete form.dataset.sent; }, 10000);
  });
  addEventListener("pageshow", () => { for (const form of doc.forms) delete form.dataset.sent; });

  // Live regions: what the server sent last is compared with what it sends now.
  const seen = new Map();
  for (const el of all(doc, "[data-live]")) seen.set(el.dataset.live, el.outerHTML);
  let paused = false;
  let stopped = seen.size === 0;
  let busy = false;
  const note = (words) => { for (const el of all(doc, "[data-live-words]")) if (el.textContent !== words) el.textContent = words; };
  const usual = (doc.querySelector("[data-live-words]") || {}).textContent || "";
  const stop = () => {
    stopped = true;
    note("Updates have stopped. Reload the page to go on.");
    for (const el of all(doc, "[data-live-toggle]")) el.hidden = true;
  };
  const toggle = (button) => {
    paused = !paused;
    button.textContent = paused ? "Resume" : "Pause";
    note(paused ? "Updates are paused." : usual);
    if (!paused) tick();
  };
  const held = (el) => {
    const chosen = getSelection();
    return el.contains(doc.activeElement) || el.querySelector("[data-edited]") !== null ||
      (chosen && !chosen.isCollapsed && el.contains(chosen.anchorNode));
  };
  const swap = (old, fresh) => {
    const next = doc.importNode(fresh, true);
    for (const el of all(old, "details[open]")) {
      const twin = el.id && next.querySelector("#" + CSS.escape(el.id));
      if (twin) twin.open = true;
    }
    const shift = all(old, ".table-scroll").map((el) => el.scrollLeft);
    old.replaceWith(next);
    enhance(next);
    all(next, ".table-scroll").forEach((el, i) => { el.scrollLeft = shift[i] || 0; });
  };
  async function tick() {
    if (stopped || paused || busy || doc.hidden) return;
    if (all(doc, "[data-live]").every(held)) return;
    busy = true;
    try {
      const answer = await fetch(here(), { headers: { "X-Live": "1" }, redirect: "manual", cache: "no-store", credentials: "same-origin" });
      if (answer.status !== 200) { stop(); return; }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const news = all(fresh, "[data-live]");
      if (!news.length) { if (doc.querySelector("[data-live-ends]")) location.reload(); else stop(); return; }
      for (const el of news) {
        const name = el.dataset.live;
        const old = doc.querySelector(`[data-live="${CSS.escape(name)}"]`);
        if (!old || held(old) || paused || seen.get(name) === el.outerHTML) continue;
        seen.set(name, el.outerHTML);
        swap(old, el);
      }
      if (!paused) note(usual);
    } catch {
      note("The server does not answer. Trying again.");
    } finally {
      busy = false;
    }
  }

  // Session time-out: warn two minutes before, then show the sign-in page. Tabs share the last contact.
  const minutes = Number(doc.body.dataset.idleMinutes);
  const make = (tag, more, ...inside) => {
    const el = Object.assign(doc.createElement(tag), more);
    el.append(...inside);
    return el;
  };
  const slot = make("span", {}, "in 2 minutes");
  const button = make("button", { type: "button", className: "btn btn-primary" }, "Stay signed in");
  button.dataset.stay = "";
  const dialog = make("dialog", { id: "idle", className: "dialog" },
    make("h2", { id: "idle-title" }, "Are you still there?"),
    make("p", { id: "idle-text" }, "Nothing has happened for a while. You will be signed out ", slot, ". What you have typed and not saved will be lost."),
    make("div", { className: "actions" }, button));
  dialog.setAttribute("aria-labelledby", "idle-title");
  dialog.setAttribute("aria-describedby", "idle-text");
  const key = "scim-appliance-contact";
  let contact = Date.now();
  const touch = () => {
    contact = Date.now();
    try { localStorage.setItem(key, String(contact)); } catch { /* one tab only, then */ }
  };
  const idle = () => {
    try { contact = Math.max(contact, Number(localStorage.getItem(key)) || 0); } catch { /* the same */ }
    const life = minutes * 60000;
    const left = contact + life - Date.now();
    if (left <= 0) { location.replace(here()); return; }
    const warn = left <= Math.min(120000, life / 2);
    if (!warn && dialog.open) dialog.close();
    if (!warn) return;
    const words = left > 60000 ? "in 2 minutes" : "in less than a minute";
    if (slot.textContent !== words) slot.textContent = words;
    if (!dialog.open) dialog.showModal();
  };
  async function stay() {
    try {
      const answer = await fetch(here(), { redirect: "manual", cache: "no-store", credentials: "same-origin" });
      if (answer.status !== 200) { location.replace(here()); return; }
      touch();
      dialog.close();
      say("You stay signed in");
    } catch {
      say("The server does not answer. Try again.");
    }
  }

  enhance(doc);
  setInterval(() => times(doc), 15000);
  if (!stopped) {
    setInterval(tick, 5000);
    doc.addEventListener("visibilitychange", () => { if (!doc.hidden) tick(); });
  }
  if (minutes > 0 && dialog.showModal) {
    doc.body.append(dialog);
    touch();
    // Esc closes the dialog and must not hide that the time runs out: it counts as staying.
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); stay(); });
    setInterval(idle, 5000);
  }
  const first = doc.querySelector("[data-focus]");
  if (first) first.focus();
})();
