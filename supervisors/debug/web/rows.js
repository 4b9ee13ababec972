// What the process has told: the rows of the actors, and the process itself.

import { setClock } from "./elements.js";

const PATIENCE = 15000; // milliseconds that a whole answer may take
const tags = new Map();

// The JSON at this address; null if it is what came last under this name. Addresses are relative
// to that of the page, which may be behind a proxy. A process that hangs is an error as well.
export async function get(address, name) {
  const headers = tags.has(name) ? { "If-None-Match": tags.get(name) } : {};
  const signal = AbortSignal.timeout(PATIENCE);
  const answer = await fetch(address, { headers, cache: "no-store", signal });
  if (answer.status === 304) return null;
  if (!answer.ok) {
    const error = new Error(`${answer.status}: ${(await answer.text()).trim()}`);
    error.status = answer.status;
    throw error;
  }
  const tag = answer.headers.get("ETag");
  if (tag && name) tags.set(name, tag);
  else tags.delete(name);
  return answer.json();
}

// All rows by their key; a row is an object with the names of the columns.
export class Rows {
  constructor() {
    this.byKey = new Map();
    this.omitted = 0;
    this.version = 0; // another one with each change
    this.beyond = [];
    this.list = [];
    this.listed = 0;
    this.after = "";
    this.process = "";
    this.selection = "";
  }

  // Ask for what has changed; of a process with very many actors, for those of the selection only.
  async update(kind, namespace) {
    const wanted = new URLSearchParams();
    if (this.omitted || this.selection) {
      if (kind) wanted.set("kind", kind);
      if (namespace) wanted.set("namespace", namespace);
    }
    if (wanted.toString() !== this.selection) {
      this.selection = wanted.toString();
      this.after = "";
    }
    if (!(await this.#ask(wanted))) await this.#ask(wanted);
  }

  // All rows, in no order; the same array while nothing changes.
  get all() {
    if (this.listed !== this.version) {
      this.listed = this.version;
      this.list = [...this.byKey.values(), ...this.beyond];
    }
    return this.list;
  }

  // Whether the rows are complete; if not, all of them have to be asked for.
  async #ask(wanted) {
    const query = new URLSearchParams(wanted);
    if (this.after) query.set("after", this.after);
    else tags.delete("table");
    const answer = await get(`table?${query}`, "table");
    if (answer === null) return true;
    setClock(answer.now);
    this.process = answer.process;
    if (answer.whole) this.byKey.clear();
    const made = (values) => rowOf(answer.columns, values);
    for (const row of answer.rows.map(made)) this.byKey.set(row.key, row);
    const isChanged = answer.whole || answer.rows.length || answer.beyond.length || this.beyond.length;
    this.beyond = answer.beyond.map(made);
    this.omitted = answer.omitted;
    if (isChanged) this.version += 1;
    const complete = this.byKey.size === answer.total;
    this.after = complete ? answer.after : "";
    return complete || answer.whole;
  }
}

function rowOf(columns, values) {
  const row = {};
  for (let at = 0; at < columns.length; at += 1) row[columns[at]] = values[at];
  const parts = row.name.split("/");
  row.isObject = parts.length > 1;
  row.key = row.isObject ? row.name : `${row.under}:${row.name}`;
  row.namespace = parts.length === 3 ? parts[1] : "";
  return row;
}

// Why somebody should look at this actor, the worst first; null if nobody has to.
export function trouble(row, hangs, now) {
  if (row.state === "parked") return { rank: 0, word: "parked", why: row.error, due: row.due };
  if (row.since !== null && now - row.since >= hangs) {
    return { rank: 1, word: "hangs", why: row.doing, due: null };
  }
  if (row.state === "restarting") {
    return { rank: 2, word: "restarts", why: row.error, due: row.due };
  }
  return null;
}
