// The timeline of an actor: for each message wait, run, requests and outcome.

import { count, element, span, time } from "./elements.js";

// One message of the trace, which has waited and run, all on one scale; its requests on their own.
export function entry(message, linked) {
  const wait = message.wait * 1000;
  const run = message.run * 1000;
  const share = (100 * wait) / (wait + run || 1);
  const [word] = message.outcome.split(":");
  return element(
    "article",
    { class: "entry", "data-outcome": word },
    element(
      "h4",
      {},
      time(Date.parse(message.at)),
      ` ${message.message} `,
      element("span", { class: "outcome" }, message.outcome),
      element(
        "span",
        { class: "number", title: "the number of its requests in the audit log" },
        message.number,
      ),
    ),
    element(
      "div",
      { class: "bars", role: "img", "aria-label": `waited ${span(wait)}, ran ${span(run)}` },
      bar("wait", 0, share),
      bar("run", share, 100 - share),
    ),
    element(
      "p",
      { class: "times" },
      element("span", { class: "wait" }, `waited ${span(wait)}`),
      " ",
      element("span", { class: "run" }, `ran ${span(run)}`),
      " ",
      count(message.calls, "request"),
    ),
    list(
      "reasons",
      "Woken by",
      message.reasons.map((text, place) => woken(text, message.came?.[place])),
      linked,
    ),
    requests(message, run),
    list("decisions", "Decided", message.decisions, linked),
  );
}

// A reason, when it came first, and how often until the handler began; the last may have no time.
function woken(text, came) {
  if (!came) return text;
  const [first, , times] = came;
  return `${text}, ${span(first * 1000)} before${times > 1 ? `, ${times} times` : ""}`;
}

function list(name, title, texts, linked) {
  if (!texts.length) return "";
  return element(
    "div",
    { class: name },
    element("h5", {}, title),
    element(
      "ul",
      {},
      texts.map((text) => element("li", {}, linked(text))),
    ),
  );
}

function requests(message, run) {
  if (!message.requests.length) return "";
  const lines = message.requests.map((one) => {
    const failed = !one.code.startsWith("2");
    const scale = 100 / (run || 1);
    return element(
      "tr",
      { "data-failed": failed },
      element("td", {}, `${one.verb} ${one.resource}`),
      element("td", {}, one.name),
      element("td", {}, one.code),
      element("td", { class: "right" }, span(one.seconds * 1000)),
      element(
        "td",
        { class: "lane" },
        element(
          "div",
          { class: "bars" },
          bar(failed ? "failed" : "request", one.after * 1000 * scale, one.seconds * 1000 * scale),
        ),
      ),
    );
  });
  const more = message.calls - message.requests.length;
  return element(
    "div",
    { class: "requests" },
    element("h5", {}, "Requests"),
    element("table", {}, element("tbody", {}, lines)),
    more > 0 ? element("p", {}, `and ${more} more`) : "",
  );
}

function bar(name, left, width) {
  const made = element("div", { class: name });
  made.style.left = `${Math.max(0, Math.min(left, 99.8))}%`;
  made.style.width = `${Math.max(0.2, Math.min(width, 100 - left))}%`;
  return made;
}
