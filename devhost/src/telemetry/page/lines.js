// Lines of the log and audit events.

import { attributes, byId, clock, make, sources } from "./dom.js";
import { hash } from "./place.js";
import { read } from "./server.js";

const LIMIT = 500;

/** One line. Its attributes unfold; those that say most stand beside it. */
export function line(entry, span, link) {
  const { attributes: told = {} } = entry;
  const count = Number(told.count ?? 1);
  const main = [
    make("span", { class: `level ${entry.level?.toLowerCase() ?? ""}` }, entry.level ?? ""),
    make("span", { class: "message" }, entry.message,
      count > 1 && make("b", { class: "times", title: "Alike events are joined" }, `×${count}`)),
    make("span", { class: "quiet aside" }, span ?? [told["function.name"], told.rule].filter(Boolean).join(" · ")),
  ];
  const more = attributes(told);
  return make("li", {},
    clock(entry.time),
    more ? make("details", {}, make("summary", {}, main), more) : make("div", { class: "summary" }, main),
    link ?? sources(entry.sources));
}

export class Audit {
  #section = byId("audit");
  #document;
  #place = {};
  /** The names that have been seen, for the filter. */
  names = new Set();

  get size() {
    return this.#document?.items.length ?? 0;
  }

  get isWhole() {
    return this.#document !== undefined;
  }

  filter(place) {
    if (place.event !== this.#place.event) {
      this.#document = undefined;
      this.#section.replaceChildren();
    }
    this.#place = { ...place };
  }

  async refresh() {
    const { event } = this.#place;
    const document = await read("telemetry/audit", { limit: LIMIT, event });
    if (document === this.#document || document === null || event !== this.#place.event) {
      return;
    }
    this.#document = document;
    document.items.forEach((entry) => this.names.add(entry.message));
    const unfolded = new Set([...this.#section.querySelectorAll("li:has(details[open])")].map((li) => li.dataset.key));
    const items = document.items.map((entry) => {
      const link = entry.traceId && make("a", {
        href: hash({ ...this.#place, view: "audit", trace: entry.traceId }), "aria-label": `Trace of ${entry.message}`,
      }, "Trace");
      const element = line(entry, undefined, link || undefined);
      element.dataset.key = `${entry.time} ${entry.message} ${entry.spanId}`;
      if (unfolded.has(element.dataset.key)) {
        element.querySelector("details")?.setAttribute("open", "");
      }
      return element;
    });
    this.#section.replaceChildren(
      make("ol", { class: "lines" }, items),
      ...(items.length === LIMIT ? [make("p", { class: "quiet" }, `The latest ${LIMIT} are shown.`)] : []));
  }
}
