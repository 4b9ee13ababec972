// The table of all actors. Only the rows that can be seen are elements.

import { ago, at, count, element, now, span } from "./elements.js";

const HEIGHT = 26; // of a row in CSS pixels, as in page.css
const SPARE = 8;

const ms = (value) => (value === null ? "" : span(value));
const number = (value) => (value ? String(value) : "");

// Text columns are sorted from A, numbers from the largest.
export const COLUMNS = [
  { id: "name", title: "Actor", width: "19em", text: (row) => nameOf(row) },
  { id: "state", title: "State", width: "6em", text: (row) => row.state },
  { id: "mail", title: "Mail", width: "4.2em", right: true, text: (row) => number(row.mail) },
  { id: "held", title: "Held by", width: "9em", text: (row) => held(row) },
  {
    id: "outcome",
    title: "Last result",
    width: "14em",
    text: (row) => (row.state === "parked" ? row.error : row.outcome || row.error),
  },
  {
    id: "at",
    title: "Ended",
    width: "6em",
    right: true,
    text: (row) => (row.at === null ? "" : ago(row.at)),
  },
  { id: "wait_p50", title: "Wait p50", width: "6em", right: true, text: (row) => ms(row.wait_p50) },
  { id: "wait_max", title: "max", width: "5.5em", right: true, text: (row) => ms(row.wait_max) },
  { id: "run_p50", title: "Run p50", width: "6em", right: true, text: (row) => ms(row.run_p50) },
  { id: "run_max", title: "max", width: "5.5em", right: true, text: (row) => ms(row.run_max) },
  { id: "requests", title: "Requests", width: "6.2em", right: true, text: (row) => number(row.requests) },
  { id: "restarts", title: "Restarts", width: "6.2em", right: true, text: (row) => number(row.restarts) },
  { id: "due", title: "Next look", width: "13em", text: (row) => next(row) },
];

const TEXTS = new Set(["name", "state", "held", "outcome"]);
const ORDER = ["parked", "restarting", "busy", "starting", "ending", "off"];

// A part has a name only together with the supervisor that it is under.
function nameOf(row) {
  return row.isObject ? row.name : `${row.name} (${row.under})`;
}

function held(row) {
  return row.mail ? [row.held, row.reasons].filter(Boolean).join(": ") : "";
}

function next(row) {
  return row.due === null ? "" : `${ago(row.due)}, ${row.why}`;
}

export class Table {
  // `view` is what the address says; `open` is called with the key of an actor.
  constructor(view, open) {
    this.view = view;
    this.open = open;
    this.rows = [];
    this.chosen = null;
    this.top = 0;
    this.made = "";
    this.head = new Map();
    this.lines = new Map(); // of the rows that can be seen, by key
    this.above = space();
    this.below = space();
    const { body, scroller, table } = this.elements;
    at("scroller").previousElementSibling.addEventListener("submit", (event) => event.preventDefault());
    table.querySelector("colgroup").append(
      ...COLUMNS.map((column) => {
        const col = element("col");
        col.style.width = column.width;
        return col;
      }),
    );
    table.tHead.append(
      element(
        "tr",
        {},
        COLUMNS.map((column) => this.#heading(column)),
      ),
    );
    scroller.addEventListener("scroll", () => requestAnimationFrame(() => this.#scrolled()), {
      passive: true,
    });
    window.addEventListener("resize", () => this.draw());
    table.addEventListener("keydown", (event) => this.#key(event));
    body.addEventListener("click", (event) => this.#click(event));
  }

  get elements() {
    const table = at("table");
    return { table, body: table.tBodies[0], scroller: at("scroller") };
  }

  // Take in rows, in the order and with the filter of the view.
  show({ all, version, omitted }) {
    const { q, kind, namespace, state, sort } = this.view.values;
    const made = JSON.stringify([version, q, kind, namespace, state, sort]);
    if (made !== this.made) {
      this.made = made;
      this.rows = all.filter(filter(this.view.values)).sort(order(sort));
      const of = this.rows.length === all.length ? "" : ` of ${all.length.toLocaleString("en")}`;
      const more = omitted ? `, and ${count(omitted, "idle one")} more: choose a kind or namespace` : "";
      at("count").textContent = `${count(this.rows.length, "row")}${of}${more}`;
      for (const [id, heading] of this.head) heading.setAttribute("aria-sort", direction(sort, id));
    }
    this.draw();
  }

  draw() {
    const { table, body, scroller } = this.elements;
    const fit = Math.ceil(scroller.clientHeight / HEIGHT) + 2 * SPARE;
    const first = Math.max(
      0,
      Math.min(Math.floor(scroller.scrollTop / HEIGHT) - SPARE, this.rows.length - fit),
    );
    const seen = this.rows.slice(first, first + fit);
    table.setAttribute("aria-rowcount", this.rows.length + 1);
    const lines = seen.map((row, index) => this.#row(row, first + index));
    this.lines = new Map(lines.map((line) => [line.tr.dataset.key, line]));
    this.above.firstChild.style.height = `${first * HEIGHT}px`;
    this.below.firstChild.style.height = `${(this.rows.length - first - seen.length) * HEIGHT}px`;
    // A row that stays is not touched: it may be under a finger.
    const wanted = [this.above, ...lines.map((line) => line.tr), this.below];
    const isSame =
      wanted.length === body.children.length && wanted.every((tr, index) => tr === body.children[index]);
    if (!isSame) body.replaceChildren(...wanted);
    const active = this.chosen === null ? null : body.querySelector("[aria-selected=true]");
    if (active) table.setAttribute("aria-activedescendant", active.id);
    else table.removeAttribute("aria-activedescendant");
  }

  // Take the keys, at the place where the table was before it was hidden.
  focus() {
    const { table, scroller } = this.elements;
    scroller.scrollTop = this.top;
    table.focus({ preventScroll: true });
  }

  // Choose a row by its place, and scroll to it.
  choose(index) {
    if (!this.rows.length) return;
    const place = Math.max(0, Math.min(index, this.rows.length - 1));
    this.chosen = this.rows[place].key;
    const { scroller, table } = this.elements;
    const top = place * HEIGHT;
    const seen = scroller.clientHeight - table.tHead.offsetHeight;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + HEIGHT > scroller.scrollTop + seen) scroller.scrollTop = top + HEIGHT - seen;
    this.draw();
  }

  #scrolled() {
    const { scroller } = this.elements;
    if (!scroller.clientHeight) return; // it is hidden
    this.top = scroller.scrollTop;
    this.draw();
  }

  #heading(column) {
    const sort = () => {
      const before = this.view.values.sort;
      const firstDown = !TEXTS.has(column.id);
      const down = before === column.id || before === `-${column.id}` ? before === column.id : firstDown;
      this.view.set({ sort: down ? `-${column.id}` : column.id });
    };
    const button = element("button", { type: "button", click: sort }, column.title);
    const heading = element(
      "th",
      { scope: "col", "data-column": column.id, "aria-sort": "none", class: column.right ? "right" : null },
      button,
    );
    this.head.set(column.id, heading);
    return heading;
  }

  // The line of a row at this place, with the texts of now.
  #row(row, index) {
    const line = this.lines.get(row.key) ?? this.#line(row);
    const isChosen = row.key === this.chosen;
    const values = [index, row.state, isChosen, location.search];
    if (values.some((value, place) => value !== line.values[place])) {
      line.values = values;
      line.tr.id = `row-${index}`;
      line.tr.setAttribute("aria-rowindex", index + 2);
      line.tr.setAttribute("aria-selected", isChosen);
      line.tr.dataset.state = row.state;
      line.cells[0].firstChild.href = this.view.address({ actor: row.key });
    }
    COLUMNS.forEach((column, place) => {
      const text = column.text(row);
      if (text === line.texts[place]) return;
      line.texts[place] = text;
      (place ? line.cells[place] : line.cells[0].firstChild).textContent = text;
      if (!column.right) line.cells[place].title = text;
    });
    return line;
  }

  #line(row) {
    const link = element("a", { tabindex: "-1" });
    const cells = COLUMNS.map((column, place) =>
      element("td", { class: column.right ? "right" : null }, place ? "" : link),
    );
    return { tr: element("tr", { "data-key": row.key }, cells), cells, texts: [], values: [] };
  }

  #click(event) {
    const row = event.target.closest("tr[data-key]");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.chosen = row.dataset.key;
    this.open(row.dataset.key);
  }

  #key(event) {
    if (event.target !== this.elements.table || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.elements.scroller.clientHeight / HEIGHT) - 2);
    const place = this.rows.findIndex((row) => row.key === this.chosen);
    const steps = {
      ArrowDown: place + 1,
      ArrowUp: place - 1,
      PageDown: place + page,
      PageUp: place - page,
      Home: 0,
      End: this.rows.length - 1,
    };
    if (event.key in steps) this.choose(steps[event.key]);
    else if (event.key === "Enter" && place >= 0) this.open(this.chosen);
    else return;
    event.preventDefault();
  }
}

// A line in place of those that are not elements.
function space() {
  return element("tr", { class: "space", "aria-hidden": "true" }, element("td", { colspan: COLUMNS.length }));
}

function filter({ q, kind, namespace, state }) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (row) =>
    `${row.name} ${row.kind} ${row.state} ${row.outcome} ${row.error} ${row.doing} ${row.reasons}`.toLowerCase();
  return (row) =>
    (!kind || row.kind === kind) &&
    (!namespace || row.namespace === namespace) &&
    (!state || row.state === state) &&
    (!words.length || words.every((word) => text(row).includes(word)));
}

function order(sort) {
  const by = sort.replace(/^-/, "");
  const sign = sort.startsWith("-") ? -1 : 1;
  const name = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  if (!COLUMNS.some((column) => column.id === by)) {
    return (a, b) => rank(a) - rank(b) || b.isObject - a.isObject || name(a, b);
  }
  // Rows without a value are last, whichever way.
  return (a, b) => {
    const [one, two] = [a[by], b[by]];
    const none = (value) => value === null || value === "";
    if (none(one) || none(two)) return none(one) - none(two) || name(a, b);
    return one < two ? -sign : one > two ? sign : name(a, b);
  };
}

function rank(row) {
  const place = ORDER.indexOf(row.state);
  return place < 0 ? ORDER.length : place;
}

function direction(sort, id) {
  return sort === id ? "ascending" : sort === `-${id}` ? "descending" : "none";
}
