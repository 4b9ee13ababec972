// Puts the page together: what the address says, when to ask, and the keys.

import { ActorView } from "./actor.js";
import { at, element } from "./elements.js";
import { Overview } from "./overview.js";
import { openInPerfetto } from "./perfetto.js";
import { Rows, get } from "./rows.js";
import { Table } from "./table.js";

const PERIOD = 2000; // milliseconds from an answer to the next question
const EMPTY = { q: "", kind: "", namespace: "", state: "", sort: "", actor: "" };
const FILTERS = ["q", "kind", "namespace", "state"];

// What the address says: filter, sort and the actor that is open.
class View {
  constructor(changed) {
    this.changed = changed;
    this.values = this.#read();
    window.addEventListener("popstate", () => {
      this.values = this.#read();
      this.changed();
    });
  }

  // Change some values; opening and closing an actor is a step of the history.
  set(values) {
    const isStep = "actor" in values && values.actor !== this.values.actor;
    const address = this.address(values);
    this.values = { ...this.values, ...values };
    if (isStep) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    this.changed();
  }

  // The address with some values changed.
  address(values) {
    const all = Object.entries({ ...this.values, ...values }).filter(([, value]) => value);
    const query = new URLSearchParams(all).toString();
    return query ? `?${query}` : location.pathname;
  }

  #read() {
    const query = new URLSearchParams(location.search);
    return Object.fromEntries(Object.keys(EMPTY).map((name) => [name, query.get(name) ?? ""]));
  }
}

const rows = new Rows();
const view = new View(() => show(true));
const table = new Table(view, open);
const overview = new Overview(view);
const actor = new ActorView(view, rows);
let process = null;
let isPaused = false;
let timer = null;
let asking = null;
let offered = -1; // the version of the rows of which the kinds, namespaces and states are offered

function open(key) {
  view.set({ actor: key });
}

// Draw everything from what is known; `isNew` if the address has changed.
function show(isNew) {
  const isOpen = view.values.actor !== "";
  const wasOpen = !at("one").hidden;
  at("all").hidden = isOpen;
  at("one").hidden = !isOpen;
  if (isNew) fill();
  overview.show(process, rows);
  if (isOpen) {
    if (isNew) refresh(showActor(true));
  } else {
    options();
    table.show(rows);
    if (wasOpen) table.focus();
  }
  at("download").href = trace();
}

async function showActor(isNew) {
  await actor.show(view.values.actor, process?.resources);
  if (isNew) at("one").querySelector("h2")?.focus();
}

// The trace of the actor that is open, of those that are chosen by kind and namespace, or of all.
function trace() {
  const { kind, namespace, actor: key } = view.values;
  const parts = key.split("/");
  const wanted = key.includes("/")
    ? { kind: parts[0], namespace: parts.length === 3 ? parts[1] : "", name: parts.at(-1) }
    : { kind, namespace };
  const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
  return `trace${query.size ? `?${query}` : ""}`;
}

function fill() {
  for (const name of FILTERS) if (at(name).value !== view.values[name]) at(name).value = view.values[name];
}

// Offer the kinds, namespaces and states that there are.
function options() {
  if (offered === rows.version) return;
  offered = rows.version;
  for (const name of ["kind", "namespace", "state"]) {
    const chosen = view.values[name];
    const found = new Set(rows.all.map((row) => row[name]).filter(Boolean));
    if (chosen) found.add(chosen);
    const select = at(name);
    for (const option of select.options) found.add(option.value);
    const values = ["", ...[...found].filter(Boolean).sort()];
    if (values.length === select.options.length) continue;
    select.replaceChildren(...values.map((value) => element("option", { value }, value || "all")));
    select.value = chosen;
  }
}

async function ask() {
  const { kind, namespace } = view.values;
  const told = get("process", "process");
  await Promise.all([rows.update(kind, namespace), told.then((found) => (process = found ?? process))]);
  show(false);
  if (view.values.actor) await showActor(false);
  document.body.dataset.asked = Number(document.body.dataset.asked ?? 0) + 1;
}

// Show the trouble that a question ends with, if it does, behind what it means; until another
// question with this meaning ends well.
const troubles = new Map();

async function refresh(question, meaning = "No answer from the process, what is shown is old") {
  try {
    await question;
    troubles.delete(meaning);
  } catch (error) {
    troubles.set(meaning, `${meaning}: ${error.message}`);
  }
  const trouble = at("trouble");
  trouble.textContent = [...troubles.values()].join(". ");
  trouble.hidden = !troubles.size;
}

async function poll() {
  clearTimeout(timer);
  if (!isPaused && !document.hidden) {
    asking ??= refresh(ask()).finally(() => (asking = null));
    await asking;
  }
  clearTimeout(timer);
  timer = setTimeout(poll, PERIOD);
}

function pause() {
  isPaused = !isPaused;
  at("pause").setAttribute("aria-pressed", isPaused);
  at("pause").textContent = isPaused ? "Go on" : "Pause";
  if (!isPaused) poll();
}

function key(event) {
  const isTyping = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
  if (event.key === "Escape") {
    if (view.values.actor) view.set({ actor: "" });
    else if (isTyping) table.focus();
    return;
  }
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = { "/": () => at("q").focus(), t: () => table.focus(), p: pause };
  if (!(event.key in keys)) return;
  if (view.values.actor && event.key !== "p") view.set({ actor: "" });
  keys[event.key]();
  event.preventDefault();
}

function click(event) {
  const link = event.target.closest("a[data-key]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link.dataset.key);
}

for (const name of FILTERS) {
  at(name).addEventListener("input", () => view.set({ [name]: at(name).value }));
}
at("pause").addEventListener("click", pause);
at("perfetto").addEventListener("click", () => {
  refresh(openInPerfetto(trace(), process?.program ?? "actors"), "The trace is not opened");
});
document.addEventListener("keydown", key);
document.addEventListener("click", click);
document.addEventListener("visibilitychange", () => document.hidden || poll());
show(true);
poll();
