"use strict";
// Keeps the page up to date without replacing what did not change, and posts its forms. The HTML is made on the server.

const REST = 300; // milliseconds between two looks
const SILENCE = 15000; // milliseconds without a sign of life until the connection counts as lost
const byId = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// What is shown: the new page is laid over the old one, node by node

const OWN = new Set(["sync", "clock"]); // written by this script
function morph(old, fresh) {
  if (old.isEqualNode(fresh) || OWN.has(old.id)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at = old.firstChild;
  for (const child of fresh.childNodes) {
    const alike = at && !at.id && !child.id && at.nodeName === child.nodeName ? at : null;
    let match = child.id ? known.get(child.id) : alike;
    if (match && match.nodeName !== child.nodeName) match = null;
    if (match) {
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      morph(match, child);
    } else {
      const added = old.insertBefore(document.importNode(child, true), at);
      if (added.localName === "tr" && !calm.matches) added.animate([{ backgroundColor: "var(--flash)" }, {}], 1500);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

// When: after a change, but not while text is selected

let version = document.body.dataset.version;
let stale = false;
let busy = false;
let heard = Date.now();
let lost = false;

function selected() {
  const selection = getSelection();
  return !selection.isCollapsed && (byId("content").contains(selection.anchorNode) || byId("top").contains(selection.anchorNode));
}

function showState() {
  const sync = byId("sync");
  const paused = !lost && selected();
  sync.textContent = lost ? "lost" : paused ? "paused" : "synced";
  sync.className = `chip ${lost ? "bad" : paused ? "wait" : "ok"}`;
  sync.title = paused ? "Paused while text is selected" : "";
  sync.hidden = false;
}

async function refresh(always = false) {
  if (busy || (!always && selected())) {
    stale = true;
    return;
  }
  busy = true;
  stale = false;
  const address = location.href;
  try {
    const fresh = new DOMParser().parseFromString(await (await fetch(address)).text(), "text/html");
    if (location.href !== address || (!always && selected())) {
      stale = true;
    } else if (fresh.body.dataset.version) {
      version = fresh.body.dataset.version;
      document.title = fresh.title;
      setClock(fresh.getElementById("clock"));
      morph(byId("top"), fresh.getElementById("top"));
      morph(byId("content"), fresh.getElementById("content"));
    }
  } catch {
    stale = true;
  }
  setTimeout(() => {
    busy = false;
    if (stale && !lost && !selected()) refresh();
  }, REST);
}

document.addEventListener("selectionchange", () => {
  showState();
  if (stale && !selected()) refresh();
});

// The connection

function setLost(now) {
  if (now && !lost) {
    const at = new Date().toLocaleTimeString();
    byId("connection").textContent = `Connection lost at ${at}. The emulator does not answer; what you see may be old. Trying again.`;
  }
  if (!now && lost) refresh();
  lost = now;
  byId("connection").hidden = !lost;
  showState();
}

let stream = null;
function connect() {
  stream?.close();
  heard = Date.now();
  const opened = (stream = new EventSource(document.body.dataset.changes));
  const hear = () => {
    heard = Date.now();
    setLost(false);
  };
  stream.onopen = hear;
  stream.addEventListener("beat", hear);
  stream.onmessage = (event) => {
    hear();
    if (event.data !== version) refresh();
  };
  stream.onerror = () => {
    if (opened !== stream) return;
    setLost(true);
    if (opened.readyState === EventSource.CLOSED) setTimeout(connect, 1000);
  };
}

// A browser has few connections to one host: a page that nobody sees takes none.
document.addEventListener("visibilitychange", () => (document.hidden ? stream?.close() : connect()));

// The clock ticks between two looks

let ahead = 0;
function setClock(clock) {
  ahead = Number(clock.dataset.now) - Date.now();
}
setInterval(() => {
  if (!document.hidden && Date.now() - heard > SILENCE) setLost(true);
  if (lost || selected()) return;
  byId("clock").textContent = new Date(Date.now() + ahead).toISOString().slice(0, 19).replace("T", " ");
}, 1000);

// Forms: filters go into the address, actions are posted as JSON

let said = 0;
function say(text, tone = "ok") {
  const says = byId("says");
  says.textContent = text;
  says.className = tone;
  clearTimeout(said);
  said = setTimeout(() => (says.textContent = ""), tone === "ok" ? 3000 : 12000);
}

function filter(form) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", location.pathname + (query.size ? `?${query}` : ""));
  refresh(true);
}

function bodyOf(form) {
  if (form.dataset.body !== undefined) return form.dataset.body;
  const body = {};
  for (const field of form.elements) {
    if (field.dataset.raw !== undefined) return field.value;
    if (!field.name || (field.type === "checkbox" && !field.checked)) continue;
    if (field.type === "checkbox") body[field.name] = null;
    else if (field.value !== "" && !(field.name in body)) body[field.name] = field.type === "number" ? field.valueAsNumber : field.value;
  }
  if ("effect" in body) {
    body[body.effect] = body.value;
    delete body.effect;
    delete body.value;
  }
  return JSON.stringify(body);
}

async function post(form) {
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) return;
  try {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(form.dataset.post, { method: "POST", headers, body: bodyOf(form) });
    const value = await answer.json();
    if (!answer.ok) {
      say(value.error, "bad");
    } else if (form.dataset.then) {
      location.href = form.dataset.then.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(value[name]));
    } else {
      say("Done.");
      getSelection().empty();
      refresh(true);
    }
  } catch {
    say("The emulator does not answer.", "bad");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.post === undefined && form.dataset.filters === undefined) return;
  event.preventDefault();
  if (form.dataset.post === undefined) filter(form);
  else post(form);
});

let typed = 0;
function filterSoon(event) {
  const form = event.target.form;
  if (form?.dataset.filters === undefined) return;
  clearTimeout(typed);
  typed = setTimeout(filter, 200, form);
}
document.addEventListener("input", filterSoon);
document.addEventListener("change", filterSoon);

async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
  } else {
    // Where the page is no secure context: the emulator is served to others.
    const field = document.body.appendChild(document.createElement("textarea"));
    field.value = text;
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    copy(button.dataset.copy).then(
      () => say("Copied."),
      () => say("The browser does not let this page copy.", "bad"),
    );
  } else if (!event.target.closest("a, button, summary, input, select, label") && !selected()) {
    event.target.closest("tbody tr")?.querySelector("a.id")?.click();
  }
  for (const panel of document.querySelectorAll("header details[open]")) {
    if (!panel.contains(event.target) && document.contains(event.target)) panel.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const panel of document.querySelectorAll("header details[open]")) panel.open = false;
  const search = document.querySelector("input[type=search]");
  if (event.key !== "/" || !search || event.target.closest("input, select, textarea")) return;
  event.preventDefault();
  search.focus();
});

setClock(byId("clock"));
showState();
connect();
