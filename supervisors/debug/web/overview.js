// What is shown above the table: the process, what is parked or hangs, the tree, and all facts.

import { ago, at, count, draw, element, facts, now, shown, time } from "./elements.js";
import { trouble } from "./rows.js";

const MOST = 100;

export class Overview {
  // `view` is what the address says.
  constructor(view) {
    this.view = view;
  }

  show(process, rows) {
    if (process) this.#process(process);
    const all = rows.all;
    this.#attention(all, process?.hangs ?? Infinity);
    if (process) this.#tree(process, all);
  }

  #process(process) {
    const sections = Object.fromEntries(process.sections.map((one) => [one.name, one.content]));
    const own = sections.process ?? {};
    document.title = `${process.program}: actors`;
    at("program").textContent = process.program;
    draw(at("ready"), process.waits_for, () => [
      process.waits_for === null ? "ready" : `not ready: ${process.waits_for}`,
    ]);
    at("ready").dataset.ready = process.waits_for === null;
    at("facts").replaceChildren(...headline(own, sections.leader));
    const age = Math.floor(Date.now() / 10000);
    const others = process.sections.filter((one) => one.name !== "process");
    const small = others.filter((one) => !Array.isArray(one.content));
    const tables = others.filter((one) => Array.isArray(one.content));
    draw(at("sections"), [small, age], () => small.map(section));
    draw(at("tables"), [tables, age], () => tables.map(section));
  }

  #attention(all, hangs) {
    const moment = now();
    const found = [];
    for (const row of all) {
      const what = trouble(row, hangs, moment);
      if (what) found.push({ row, trouble: what });
    }
    found.sort((a, b) => a.trouble.rank - b.trouble.rank || (a.row.name < b.row.name ? -1 : 1));
    at("attention").hidden = !found.length;
    const list = at("attention").querySelector("ul");
    const items = found
      .slice(0, MOST)
      .map(({ row, trouble: what }) => [
        row.key,
        row.name,
        what.word,
        what.why,
        what.due === null ? "" : ago(what.due),
      ]);
    draw(list, [items, found.length], () =>
      [
        ...items.map(([key, name, word, why, due]) =>
          element(
            "li",
            {},
            element("span", { class: "state", "data-state": word }, word),
            " ",
            element("a", { href: this.view.address({ actor: key }), "data-key": key }, name),
            " ",
            element("span", { class: "why" }, why),
            due ? element("span", { class: "due" }, ` tried again ${due}`) : "",
          ),
        ),
        found.length > MOST ? element("li", {}, `and ${count(found.length - MOST, "more", "more")}`) : "",
      ].filter(Boolean),
    );
  }

  #tree(process, all) {
    const below = new Map();
    for (const row of all) {
      const sums = below.get(row.under) ?? { busy: 0, mail: 0, restarts: 0 };
      sums.busy += row.state === "busy";
      sums.mail += row.mail;
      sums.restarts += row.restarts;
      below.set(row.under, sums);
    }
    const lines = process.tree.map((part) => ({
      part,
      sums: part.actors === undefined ? null : below.get(part.name),
    }));
    draw(at("tree").querySelector("tbody"), lines, () =>
      lines.map(({ part, sums }) => this.#part(part, sums)),
    );
  }

  // A part; with the sums of the actors below it if it supervises those of objects.
  #part(part, sums) {
    const key = `${part.under}:${part.name}`;
    const name = part.under
      ? element("a", { href: this.view.address({ actor: key }), "data-key": key }, part.name)
      : part.name;
    const parked = part.parked
      ? element("span", { class: "state", "data-state": "parked" }, `${part.parked} parked`)
      : "";
    const number = (value) => (value ? value.toLocaleString("en") : "");
    return element(
      "tr",
      {},
      element("td", { class: `depth-${Math.min(part.depth, 4)}`, title: part.error || null }, name),
      element("td", {}, element("span", { class: "state", "data-state": part.state }, part.state)),
      element(
        "td",
        { class: "right" },
        part.actors === undefined ? "" : part.actors.toLocaleString("en"),
        " ",
        parked,
      ),
      element("td", { class: "right" }, number(sums?.busy)),
      element("td", { class: "right" }, number(sums?.mail)),
      element("td", { class: "right" }, number((part.restarts ?? 0) + (sums?.restarts ?? 0))),
    );
  }
}

function headline(own, leader) {
  const error = own["last API error"];
  return facts({
    version: own.version,
    "up since": own["up since"],
    leader: leader && leading(leader),
    "loop lag": `${own["loop lag of the last minute, ms"]} ms`,
    RSS: own["RSS, MiB"] === null ? "" : `${own["RSS, MiB"]} MiB`,
    "last API error": error ? element("span", {}, `${error}, `, shown(own["last API error at"])) : "none",
    "to be mended": own["to be mended"],
  });
}

function leading({ standby, since, holder }) {
  if (standby) return `standby; ${holder || "nobody"} leads`;
  return since ? element("span", {}, "since ", shown(since)) : "yes";
}

function section({ name, content }) {
  const body = Array.isArray(content) ? rowsOf(content) : element("dl", {}, facts(content));
  return element("section", {}, element("h2", {}, name), body);
}

// Dictionaries with the same names as a table.
function rowsOf(list) {
  const names = Object.keys(list[0]);
  const head = element(
    "tr",
    {},
    names.map((name) => element("th", { scope: "col" }, name)),
  );
  const lines = list.map((one) =>
    typeof one === "string"
      ? element("tr", {}, element("td", { colspan: names.length }, one))
      : element(
          "tr",
          {},
          names.map((name) => element("td", {}, shown(one[name]))),
        ),
  );
  return element(
    "div",
    { class: "wide" },
    element("table", {}, element("thead", {}, head), element("tbody", {}, lines)),
  );
}
