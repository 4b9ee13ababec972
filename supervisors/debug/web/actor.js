// One actor: what it is at, what it has to do with, and its timeline.

import { at, command, count, draw, element, facts, span, time } from "./elements.js";
import { get } from "./rows.js";
import { entry } from "./timeline.js";

const OWN = new Set(["actor", "kind", "state", "running", "mail", "timer", "due", "trace", "object"]);
const OBJECT = /\b([A-Z][A-Za-z]+)\/(?:([a-z0-9][a-z0-9.-]*)\/)?([a-z0-9][\w.:-]*\w|[a-z0-9])/g;
const REASON = /^[a-z ]+ ([A-Z][A-Za-z]+) ([^@ ]+)/;
const MOST_BELOW = 500;
const GONE = "There is no such actor any more.";

export class ActorView {
  constructor(view, rows) {
    this.view = view;
    this.rows = rows;
    this.entry = null;
    this.key = "";
  }

  // Read the actor of this key and show it; `resources` are the names that kubectl has for kinds.
  async show(key, resources) {
    if (key !== this.key) {
      this.key = key;
      this.entry = null;
    }
    const row = this.rows.all.find((one) => one.key === key);
    const isKnown = row || key.includes("/") || !this.rows.version;
    let missing = isKnown ? "" : GONE;
    try {
      this.entry = (await this.#read(key, row)) ?? this.entry;
    } catch (error) {
      if (error.status !== 404) throw error;
      missing = GONE;
    }
    if (key !== this.view.values.actor) return;
    const known = [
      row?.state,
      row?.error,
      row?.due,
      row?.restarts,
      resources !== undefined,
      this.#below(row)?.textContent,
    ];
    draw(at("one"), [key, this.entry, missing, known], () => this.#all(key, row, resources ?? {}, missing));
  }

  // The description of the actor, whose address is that of its object, or its supervisor and name.
  async #read(key, row) {
    if (key.includes("/")) {
      const path = key.split("/").map(encodeURIComponent).join("/");
      return get(`actors/${path}`, "");
    }
    if (!row || isSupervisor(row)) return null;
    return get(`part?${new URLSearchParams({ under: row.under, name: row.name })}`, "");
  }

  #all(key, row, resources, missing) {
    const actor = this.entry?.actor ?? {};
    // Of an actor that lives, waits for its restart, or is parked.
    const trace = [...(actor.trace ?? this.entry?.waits?.trace ?? this.entry?.trace ?? [])].reverse();
    const back = element(
      "a",
      { href: this.view.address({ actor: "" }), class: "button", "data-key": "" },
      "Back to all actors",
    );
    return [
      element("p", { class: "buttons" }, back),
      element(
        "h2",
        { id: "one-heading", tabindex: "-1" },
        row?.name ?? key,
        " ",
        row ? element("span", { class: "state", "data-state": row.state }, row.state) : "",
      ),
      missing ? element("p", { class: "why" }, missing) : "",
      row?.error
        ? element(
            "p",
            { class: "why" },
            row.state === "idle" || row.state === "busy" ? "Last crash: " : "",
            row.error,
            row.due !== null && row.state !== "idle" && row.state !== "busy"
              ? element("span", {}, " Tried again ", time(row.due))
              : "",
          )
        : "",
      element("dl", { class: "flat" }, facts(this.#facts(actor, row))),
      this.#kubectl(key, row, resources),
      this.#below(row),
      this.#mentioned(key, actor, trace, resources),
      row && isSupervisor(row)
        ? ""
        : element("h3", {}, `Timeline, newest first: ${count(trace.length, "message")}`),
      ...trace.map((message) => entry(message, (text) => this.#linked(text))),
      element(
        "details",
        {},
        element("summary", {}, "As JSON"),
        element("pre", {}, JSON.stringify(this.entry, null, 2) ?? ""),
      ),
    ].filter(Boolean);
  }

  #facts(actor, row) {
    const running = actor.running;
    const mail = actor.mail;
    const own = Object.entries(actor).filter(([name, value]) => !OWN.has(name) && !isEmpty(value));
    return {
      kind: actor.kind ?? row?.kind,
      under: row?.under,
      runs: running && `${running.message} for ${span(running.seconds * 1000)}`,
      "waits for":
        running &&
        Object.entries(running.waits)
          .map(([what, seconds]) => `${what}, ${span(seconds * 1000)}`)
          .join("; "),
      mail:
        mail &&
        [mail.control ? count(mail.control, "message") : "", ...mail.reconcile].filter(Boolean).join(", "),
      "next look":
        actor.timer &&
        element("span", {}, `${actor.timer}, `, row?.due ? time(row.due) : `in ${span(actor.due * 1000)}`),
      restarts: row?.restarts || "",
      ...Object.fromEntries(own),
    };
  }

  #kubectl(key, row, resources) {
    const [kind, ...rest] = key.split("/");
    if (!key.includes("/") || !Object.hasOwn(resources, kind)) return "";
    const name = rest.at(-1);
    const where = rest.length === 2 ? ["-n", rest[0]] : [];
    const object = `${resources[kind]}/${name}`;
    const retry = [
      "kubectl",
      ...where,
      "annotate",
      "--overwrite",
      object,
      `falcosecurity.dev/retry=${Math.floor(Date.now() / 1000)}`,
    ];
    return element(
      "div",
      {},
      command("kubectl", ...where, "get", object, "-o", "yaml"),
      row?.state === "parked" ? command(...retry) : "",
    );
  }

  // The actors below a supervisor.
  #below(row) {
    if (!row || !isSupervisor(row)) return "";
    const below = this.rows.all.filter((one) => one.under === row.name);
    const links = below
      .slice(0, MOST_BELOW)
      .map((one) =>
        element(
          "li",
          {},
          this.#link(one.key, one.name),
          " ",
          element("span", { class: "state", "data-state": one.state }, one.state),
        ),
      );
    const more =
      below.length > links.length
        ? element("li", {}, `and ${count(below.length - links.length, "more", "more")}`)
        : "";
    return element(
      "div",
      {},
      element("h3", {}, count(below.length, "child", "children")),
      element("ul", { class: "columns" }, links, more),
    );
  }

  // The objects that the actor has written or was woken by, each with its actor or a command.
  #mentioned(key, actor, trace, resources) {
    const [, ...rest] = key.split("/");
    const namespace = rest.length === 2 ? rest[0] : "";
    const found = new Map();
    const note = (kind, inside, name, what) => {
      if (!resources[kind]) return;
      const other = [kind, inside, name].filter(Boolean).join("/");
      if (other !== key && !found.has(other)) found.set(other, { kind, inside, name, what });
    };
    for (const name of Object.keys(actor.held ?? {})) {
      for (const match of name.matchAll(OBJECT))
        note(match[1], match[2], match[3], `held: ${actor.held[name]}`);
    }
    for (const message of trace) {
      for (const text of message.decisions) {
        for (const match of text.matchAll(OBJECT))
          note(
            match[1],
            match[2],
            match[3],
            text
              .replace(match[0], "")
              .replace(/ ?@\d+/, "")
              .replace(" :", ":")
              .trim(),
          );
      }
      for (const text of message.reasons) {
        const match = REASON.exec(text);
        const isKnown = match && this.rows.byKey.has([match[1], namespace, match[2]].join("/"));
        if (isKnown) note(match[1], namespace, match[2], text);
      }
    }
    if (!found.size) return "";
    const lines = [...found].map(([other, { kind, inside, name, what }]) =>
      element(
        "tr",
        {},
        element("td", {}, this.rows.byKey.has(other) ? this.#link(other, other) : other),
        element("td", {}, what),
        element(
          "td",
          {},
          command(
            "kubectl",
            ...(inside ? ["-n", inside] : []),
            "get",
            `${resources[kind]}/${name}`,
            "-o",
            "yaml",
          ),
        ),
      ),
    );
    return element(
      "div",
      {},
      element("h3", {}, "Children and neighbours"),
      element("table", {}, element("tbody", {}, lines)),
    );
  }

  #link(key, text) {
    return element("a", { href: this.view.address({ actor: key }), "data-key": key }, text);
  }

  // A text in which the objects that have an actor are links to it.
  #linked(text) {
    const nodes = [];
    let end = 0;
    for (const match of text.matchAll(OBJECT)) {
      if (!this.rows.byKey.has(match[0]) || match[0] === this.key) continue;
      nodes.push(text.slice(end, match.index), this.#link(match[0], match[0]));
      end = match.index + match[0].length;
    }
    return [...nodes, text.slice(end)];
  }
}

function isSupervisor(row) {
  return row.kind.endsWith("Supervisor");
}

function isEmpty(value) {
  return (
    value === null ||
    value === "" ||
    value === false ||
    value === 0 ||
    (typeof value === "object" && !Object.keys(value).length)
  );
}
