// The page: reads what the server knows once a second, and shows the place that the address names.

import { byId, make, number, offer, say } from "./dom.js";
import { Audit } from "./lines.js";
import { List } from "./list.js";
import { hash, here } from "./place.js";
import { read } from "./server.js";
import { Detail } from "./trace.js";

const EVERY_MS = 1000;
const OUTCOMES = [
  ["", "All"], ["problems", "Everything but succeeded"], ["refusals", "Refusals of every kind"],
  ["failed", "failed"], ["denied", "denied"], ["rejected", "rejected"], ["refused", "refused"],
  ["unavailable", "unavailable"], ["abandoned", "abandoned"], ["succeeded", "succeeded"],
];
const EVENTS = ["auth.succeeded", "auth.denied", "access.refused", "input.rejected", "event.quarantined",
  "secret.read", "secret.failed", "secret.ended", "keys.changed", "keys.failed", "configuration.weak",
  "app.started", "app.stopped"];
/** How many functions and how many rules are named. */
const CAUSES = [5, 4];

const list = new List();
const audit = new Audit();
const detail = new Detail();
let place = {};
let summary = null;
let timer;
let polls = 0;

/** Goes to another place; filters replace one another in the history, views do not. */
function go(change, isFilter = false) {
  const to = hash({ ...place, ...change });
  if (isFilter) {
    history.replaceState(null, "", to);
    arrive();
  } else if (to !== hash(place)) {
    location.hash = to;
  }
}

function arrive() {
  const before = place;
  place = here();
  const isAudit = place.view === "audit";
  byId("list").hidden = isAudit;
  byId("audit").hidden = !isAudit;
  byId("newer").classList.toggle("off", isAudit);
  for (const [id, isHere] of [["to-list", !isAudit], ["to-audit", isAudit]]) {
    byId(id).toggleAttribute("aria-current", isHere);
  }
  document.body.classList.toggle("has-detail", Boolean(place.trace));
  for (const name of ["function", "outcome", "text"]) {
    byId(name).closest("label").hidden = isAudit;
  }
  byId("event").closest("label").hidden = !isAudit;
  if (document.activeElement !== byId("text")) {
    byId("text").value = place.text;
  }
  byId("clear").disabled = !(isAudit ? place.event : place.function || place.outcome || place.text);
  list.filter(place);
  list.mark(place.trace);
  audit.filter(place);
  if (place.trace) {
    if (place.trace !== before.trace) {
      detail.show(place.trace, undefined);
      detail.focus();
    }
  } else {
    detail.hide();
    if (before.trace && !isAudit) {
      list.focusOn(before.trace);
    }
  }
  offerFilters();
  poll(true);
}

function offerFilters() {
  const names = Object.keys(summary?.functions ?? {}).sort();
  offer(byId("function"), [["", "All"], ...names.map((name) => [name, name])], place.function);
  const known = OUTCOMES.map(([name]) => name);
  const more = Object.keys(summary?.outcomes ?? {}).filter((name) => !known.includes(name));
  offer(byId("outcome"), [...OUTCOMES, ...more.map((name) => [name, name])], place.outcome);
  const events = [...new Set([...EVENTS, ...audit.names])];
  offer(byId("event"), [["", "All"], ...events.map((name) => [name, name])], place.event);
}

async function refresh() {
  const { trace, view } = place;
  const now = await read("telemetry/summary");
  if (now && now !== summary) {
    summary = now;
    showSummary();
    offerFilters();
  }
  await (view === "audit" ? audit : list).refresh();
  if (trace) {
    const told = await read(`telemetry/traces/${encodeURIComponent(trace)}`);
    if (place.trace === trace) {
      detail.show(trace, told);
    }
  }
  showNone();
}

function showSummary() {
  const { app, invocations, refusals, failures, quarantined } = summary;
  say(byId("app"), app || "Telemetry");
  document.title = `${failures > 0 ? `✕${failures} ` : ""}${app || "Telemetry"}`;
  const counts = [
    ["Invocations", invocations, "", hash({ view: "list" })],
    ["Failures", failures, "bad", hash({ view: "list", outcome: "failed" })],
    ["Refusals", refusals, "held", hash({ view: "list", outcome: "refusals" })],
    ["Quarantined", quarantined, "aside", hash({ view: "audit", event: "event.quarantined" })],
  ];
  if (byId("counts").children.length === 0) {
    byId("counts").replaceChildren(...counts.map(([name]) => make("li", {},
      make("a", { href: "#/" }, make("b", {}), make("span", {}, name)))));
  }
  counts.forEach(([, count, mood, href], index) => {
    const link = byId("counts").children[index].firstElementChild;
    link.href = href;
    link.className = count > 0 ? mood : "";
    say(link.firstElementChild, number(count));
  });
  const functions = Object.entries(summary.functions ?? {}).flatMap(([name, told]) => [
    { name, words: "failed", count: told.failures, mood: "bad", to: { function: name, outcome: "failed" } },
    { name, words: "turned away", count: told.refusals, mood: "held", to: { function: name, outcome: "refusals" } },
  ]);
  const rules = Object.entries(summary.rules ?? {}).map(([name, count]) => (
    { name, words: "rule", count, mood: "rule", to: { text: name, outcome: "problems" } }));
  const shown = [functions, rules].flatMap((causes, index) => causes
    .filter(({ count }) => count > 0)
    .sort((a, b) => a.mood.localeCompare(b.mood) || b.count - a.count)
    .slice(0, CAUSES[index]));
  const key = JSON.stringify(shown);
  if (byId("causes").dataset.key !== key) {
    byId("causes").dataset.key = key;
    byId("causes").replaceChildren(...(shown.length > 0 ? shown.map(cause) : [make("li", { class: "quiet" }, "Nothing so far.")]));
  }
}

function cause({ name, words, count, mood, to }) {
  return make("li", {}, make("a", { class: mood, href: hash({ view: "list", ...to }) },
    make("b", {}, name), ` ${words} `, make("span", { class: "times" }, `×${number(count)}`)));
}

/** What stands in place of an empty list, and below one. */
function showNone() {
  const isAudit = place.view === "audit";
  const { size, isWhole } = isAudit ? audit : list;
  const isFiltered = !byId("clear").disabled;
  const none = byId("none");
  const state = size > 0 || !isWhole ? "" : isFiltered ? "filtered" : isAudit ? "audit" : "empty";
  none.hidden = state === "";
  if (none.dataset.state !== state) {
    none.dataset.state = state;
    none.replaceChildren(...EMPTY[state]());
  }
  const { dropped = 0, bound = 0 } = summary ?? {};
  const end = dropped > 0 ? `The latest ${number(bound)} are kept; ${number(dropped)} older ones are gone.` : "These are all.";
  say(byId("foot"), size === 0 ? (isWhole || none.hidden === false ? "" : "Looking…") : isWhole ? end : "Looking for more…");
}

const EMPTY = {
  "": () => [],
  filtered: () => [
    make("h2", {}, "Nothing matches"),
    make("p", {}, "No invocation or event that is kept passes these filters."),
    make("button", { type: "button", onclick: clear }, "Clear filters"),
  ],
  audit: () => [make("h2", {}, "No audit events yet"), make("p", {}, "They come with the app's start and its first calls.")],
  empty: () => [
    make("h2", {}, "No invocations yet"),
    make("p", {}, "Leave ", make("code", {}, "cargo fn dev"), " running and call a function from a second terminal:"),
    make("pre", { tabindex: 0 }, "cargo fn invoke create-order --sample"),
    make("p", {}, "or, without a token, to see a refusal:"),
    make("pre", { tabindex: 0 }, "curl -i 127.0.0.1:7071/api/orders -H 'Content-Type: application/json' -d '{}'"),
    make("p", { class: "quiet" }, "The first terminal lists your functions and their addresses. An invocation appears here a few seconds after it ended."),
  ],
};

function clear() {
  byId("text").value = "";
  go({ function: "", outcome: "", text: "", event: "" }, true);
}

function state(name, words) {
  const element = byId("state");
  document.body.classList.toggle("away", name === "away");
  if (element.dataset.state !== name) {
    element.dataset.state = name;
    say(element, words);
  }
}

const away = () => state("away", "devhost does not answer. Trying again…");

/** Reads, unless nobody looks or somebody is copying something. */
async function poll(isArrival = false) {
  clearTimeout(timer);
  polls += 1;
  const own = polls;
  if (!document.hidden) {
    if (getSelection()?.type === "Range" && !isArrival) {
      state("paused", "Paused while text is selected");
    } else {
      try {
        await refresh();
        state("live", "Live");
      } catch (error) {
        console.warn(error);
        away();
      }
    }
  }
  if (own === polls) {
    timer = setTimeout(() => poll(), EVERY_MS);
  }
}

list.onchange = showNone;
list.onerror = away;
detail.onclose = () => go({ trace: null });
addEventListener("hashchange", arrive);
document.addEventListener("visibilitychange", () => document.hidden || poll());
byId("filters").addEventListener("submit", (event) => event.preventDefault());
for (const name of ["function", "outcome", "event"]) {
  byId(name).addEventListener("change", (event) => go({ [name]: event.target.value }, true));
}
byId("text").addEventListener("input", (event) => go({ text: event.target.value }, true));
byId("clear").addEventListener("click", clear);
addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, select, textarea");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    byId(place.view === "audit" ? "event" : "text").focus();
  } else if (event.key === "Escape" && event.target === byId("text") && byId("text").value) {
    event.preventDefault();
    byId("text").value = "";
    go({ text: "" }, true);
  } else if (event.key === "Escape" && place.trace) {
    detail.onclose();
  }
});
arrive();
