// Elements and texts. Whatever comes from the process becomes text, never HTML.

// An element with attributes, handlers (functions, by the name of their event) and children.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

// The element with this id.
export function at(id) {
  return document.getElementById(id);
}

// Names and values, without those that have no value.
export function facts(values) {
  return Object.entries(values)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, shown(value))]);
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/;

// A value of JSON as a node: times with their age, lists by their items.
export function shown(value) {
  if (value instanceof Node) return value;
  if (value === null || value === undefined) return "";
  if (typeof value === "string" && TIME.test(value) && !Number.isNaN(Date.parse(value))) {
    return time(Date.parse(value));
  }
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value) && !value.length) return "none";
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

let ahead = 0; // milliseconds by which the clock of the process is ahead of the browser's

export function setClock(now) {
  ahead = now - Date.now();
}

// The time of the process, in milliseconds since the epoch.
export function now() {
  return Date.now() + ahead;
}

export function time(moment) {
  const iso = new Date(moment).toISOString();
  return element("time", { datetime: iso, title: iso }, ago(moment));
}

export function ago(moment) {
  const ms = now() - moment;
  return ms < -500 ? `in ${span(-ms)}` : ms < 1000 ? "now" : `${span(ms)} ago`;
}

// A length of time in words: 350 µs, 12 ms, 4.2 s, 5 min, 3 h, 2 d.
export function span(ms) {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

// A command for a shell, with a button that copies it.
export function command(...words) {
  const text = words.map(quoted).join(" ");
  const code = element("code", { tabindex: "0" }, text);
  const copy = element(
    "button",
    {
      type: "button",
      "aria-label": `Copy: ${text}`,
      click: async () => {
        try {
          await navigator.clipboard.writeText(text);
          copy.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(code);
          copy.textContent = "Selected";
        }
      },
    },
    "Copy",
  );
  return element("p", { class: "command" }, code, copy);
}

function quoted(word) {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

// Replace the children of an element, unless they would be the same. The focus stays on the element
// that is like the one that had it, or is in its place, and what was opened stays open.
const drawn = new WeakMap();

export function draw(parent, key, make) {
  const text = JSON.stringify(key);
  if (drawn.get(parent) === text) return;
  drawn.set(parent, text);
  const before = focusable(parent);
  const place = before.indexOf(document.activeElement);
  const open = new Set([...parent.querySelectorAll("details[open] > summary")].map(signOf));
  parent.replaceChildren(...make());
  for (const summary of parent.querySelectorAll("summary")) {
    if (open.has(signOf(summary))) summary.parentElement.open = true;
  }
  if (place < 0) return;
  const after = focusable(parent);
  const like = after.find((one) => signOf(one) === signOf(before[place])) ?? after[place];
  like?.focus({ preventScroll: true });
}

function focusable(parent) {
  return [...parent.querySelectorAll("a, button, summary, [tabindex]")];
}

// What tells an element from the others, before and after it is drawn anew.
function signOf(one) {
  return [one.tagName, one.id || one.dataset.key || one.getAttribute("aria-label") || one.textContent].join();
}
