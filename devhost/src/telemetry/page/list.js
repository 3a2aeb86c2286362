// The list of invocations: pages of it are loaded as one scrolls, and only the rows in sight are elements.

import { badge, byId, clock, duration, make, number, plain, say } from "./dom.js";
import { hash } from "./place.js";
import { read } from "./server.js";

const PAGE = 100;
/** How many are read at once when the page itself looks for what it wants. */
const SEARCH = 500;
/** How many pages are read to close the gap to what is known already. */
const GAP = 5;
const OVERSCAN = 12;
/** How long the list keeps still after the pointer moved over it. */
const STILL_MS = 2500;
const GROUPS = {
  problems: (item) => item.outcome !== "succeeded",
  refusals: (item) => !["succeeded", "failed", "quarantined", "abandoned"].includes(item.outcome),
};

export class List {
  #scroller = byId("list");
  #rows = byId("rows");
  #newer = byId("newer");
  #items = [];
  #shown = [];
  #elements = new Map();
  #next = null;
  #head = null;
  #place = {};
  #loading = false;
  #generation = 0;
  #following = true;
  #expected = 0;
  #unseen = 0;
  #touched = 0;
  #open = null;
  /** Called when more was shown, or cannot be. */
  onchange = () => {};
  onerror = () => {};

  constructor() {
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#rows.addEventListener("pointermove", () => { this.#touched = Date.now(); }, { passive: true });
    this.#rows.addEventListener("keydown", (event) => this.#step(event));
    this.#newer.addEventListener("click", () => { this.#toTop(); this.#scroller.focus(); });
    new ResizeObserver(() => this.#draw()).observe(this.#scroller);
  }

  get size() {
    return this.#shown.length;
  }

  get isWhole() {
    return this.#head !== null && !this.#next && !this.#loading;
  }

  get height() {
    return parseFloat(getComputedStyle(this.#scroller).getPropertyValue("--row"));
  }

  /** Shows other invocations. */
  filter(place) {
    const isSame = ["function", "outcome", "text"].every((name) => this.#place[name] === place[name]);
    const asksServer = ["function", "outcome"].some((name) => this.#place[name] !== place[name]);
    this.#place = { ...place };
    if (isSame && this.#head !== null) {
      return;
    }
    if (asksServer) {
      this.#generation += 1;
      this.#items = [];
      this.#next = null;
      this.#head = null;
    }
    this.#toTop();
    this.#show();
  }

  /** Marks the invocation that the detail is about. */
  mark(trace) {
    this.#open = trace;
    this.#draw();
  }

  focusOn(trace) {
    const link = [...this.#rows.querySelectorAll("a")].find((a) => a.dataset.trace === trace);
    (link ?? this.#scroller).focus();
  }

  /** Reads what is new. */
  async refresh() {
    const generation = this.#generation;
    const first = await this.#read();
    if (first === this.#head || first === null || generation !== this.#generation) {
      return;
    }
    const known = new Map(this.#items.map((item, index) => [key(item), index]));
    let { items, next } = first;
    for (let pages = 1; known.size > 0 && next && pages < GAP && !items.some((item) => known.has(key(item))); pages += 1) {
      const page = await this.#read(next);
      items = items.concat(page.items);
      next = page.next;
    }
    if (generation !== this.#generation) {
      return;
    }
    const met = Math.max(-1, ...items.map((item) => known.get(key(item)) ?? -1));
    const fresh = new Set(items.map(key));
    // Without an invocation in common, the server was started anew or is far ahead.
    const older = met < 0 ? [] : this.#items.slice(met + 1).filter((item) => !fresh.has(key(item)));
    this.#next = older.length > 0 ? this.#next : next;
    this.#items = items.concat(older);
    this.#head = first;
    this.#show();
  }

  async #read(before) {
    const { function: name, outcome, text } = this.#place;
    return read("telemetry/invocations", {
      limit: before && (text || outcome in GROUPS) ? SEARCH : PAGE, before, function: name, outcome: outcome in GROUPS ? "" : outcome,
    });
  }

  async #more() {
    if (this.#loading || !this.#next) {
      return;
    }
    this.#loading = true;
    const generation = this.#generation;
    try {
      const page = await this.#read(this.#next);
      if (generation === this.#generation) {
        const known = new Set(this.#items.map(key));
        this.#items = this.#items.concat(page.items.filter((item) => !known.has(key(item))));
        this.#next = page.next;
      }
    } catch (error) {
      this.onerror(error);
      return;
    } finally {
      this.#loading = false;
    }
    this.#show();
  }

  #show() {
    const row = this.height;
    const top = Math.floor(this.#scroller.scrollTop / row);
    const anchor = this.#shown[top] && key(this.#shown[top]);
    const { text, outcome } = this.#place;
    const group = GROUPS[outcome] ?? (() => true);
    this.#shown = this.#items.filter((item) => group(item) && matches(item, text));
    this.#rows.style.height = `${this.#shown.length * row}px`;
    byId("table").setAttribute("aria-rowcount", this.#next ? -1 : this.#shown.length + 1);
    const isStill = Date.now() - this.#touched < STILL_MS || this.#rows.querySelector(":focus-visible");
    if (this.#following && !isStill) {
      this.#toTop();
    } else if (anchor) {
      const moved = this.#shown.findIndex((item) => key(item) === anchor) - top;
      if (moved > 0) {
        this.#unseen += moved;
        this.#scrollTo(this.#scroller.scrollTop + moved * row);
      }
    }
    this.#draw();
    this.onchange();
  }

  #draw() {
    const row = this.height;
    const { scrollTop, clientHeight } = this.#scroller;
    const from = Math.max(0, Math.floor(scrollTop / row) - OVERSCAN);
    const to = Math.min(this.#shown.length, Math.ceil((scrollTop + clientHeight) / row) + OVERSCAN);
    const gone = new Map(this.#elements);
    for (let index = from; index < to; index += 1) {
      const item = this.#shown[index];
      const state = JSON.stringify(item);
      let element = gone.get(key(item));
      gone.delete(key(item));
      if (!element) {
        element = make("div", { role: "row" });
        this.#elements.set(key(item), element);
        this.#rows.append(element);
      }
      if (element.dataset.state !== state) {
        element.dataset.state = state;
        const hadFocus = element.contains(document.activeElement);
        element.replaceChildren(...cells(item));
        if (hadFocus) {
          element.querySelector("a").focus({ preventScroll: true });
        }
      }
      element.querySelector("a").href = hash({ ...this.#place, trace: item.traceId });
      element.setAttribute("aria-rowindex", index + 2);
      element.dataset.index = index;
      element.style.transform = `translateY(${index * row}px)`;
      element.classList.toggle("open", item.traceId === this.#open);
    }
    for (const [id, element] of gone) {
      if (element.contains(document.activeElement)) {
        this.#scroller.focus({ preventScroll: true });
      }
      element.remove();
      this.#elements.delete(id);
    }
    this.#newer.hidden = this.#unseen === 0 || this.#shown.length === 0;
    say(this.#newer, `↑ ${number(this.#unseen)} newer`);
    if (to > this.#shown.length - PAGE / 2) {
      this.#more();
    }
  }

  #scrolled() {
    if (Math.abs(this.#scroller.scrollTop - this.#expected) > 1) {
      this.#expected = this.#scroller.scrollTop;
      this.#following = this.#scroller.scrollTop < 1;
    }
    if (this.#scroller.scrollTop < 1) {
      this.#unseen = 0;
    }
    this.#draw();
  }

  #toTop() {
    this.#unseen = 0;
    this.#following = true;
    this.#scrollTo(0);
    this.#draw();
  }

  #scrollTo(top) {
    this.#scroller.scrollTop = top;
    this.#expected = this.#scroller.scrollTop;
  }

  /** Up and down, as in any list. */
  #step(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = event.target.closest("[role=row]");
    if (!step || !row || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    event.preventDefault();
    const wanted = String(Number(row.dataset.index) + step);
    const next = [...this.#rows.children].find((other) => other.dataset.index === wanted);
    next?.querySelector("a").focus();
  }
}

const key = (item) => `${item.traceId} ${item.spanId}`;

function matches(item, text) {
  const wanted = (text ?? "").trim().toLowerCase();
  return [item.traceId, item.invocationId, item.spanId, item.rule]
    .some((value) => (value ?? "").toLowerCase().includes(wanted));
}

function cells(item) {
  const cell = (name, ...children) => make("span", { role: "cell", class: name }, ...children);
  return [
    cell("time", clock(item.time)),
    cell("function", make("a", { "data-trace": item.traceId, title: item.function },
      plain(item.function ?? item.spanId))),
    cell("trigger", item.trigger),
    cell("outcome", badge(item.outcome, item.rule)),
    cell("status number", item.status == null ? "" : String(item.status)),
    cell("duration number", duration(item.durationMs)),
  ];
}
