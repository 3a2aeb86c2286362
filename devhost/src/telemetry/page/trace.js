// One trace: what became of it and where, its spans as a waterfall, its lines and audit events.

import { attributes, badge, byId, clock, copyable, duration, explain, make, sources, tone } from "./dom.js";
import { line } from "./lines.js";

const KINDS = {
  server: "called over HTTP", consumer: "took a message", client: "calls out", producer: "sends a message",
};

export class Detail {
  #panel = byId("detail");
  #trace = null;
  #told;
  /** Spans whose attributes are shown. */
  #unfolded = new Set();
  /** Called when the detail is to go away. */
  onclose = () => {};

  /** Shows a trace; `undefined` is one that is not read yet, `null` one that nothing is known of. */
  show(trace, told) {
    const isOther = trace !== this.#trace;
    if (!isOther && told === this.#told) {
      return;
    }
    const { scrollTop } = this.#panel;
    const focused = this.#panel.querySelector("[data-focus]:focus")?.dataset.focus;
    if (isOther) {
      this.#unfolded.clear();
    }
    this.#trace = trace;
    this.#told = told;
    this.#panel.hidden = false;
    this.#panel.replaceChildren(...this.#content(told));
    this.#panel.scrollTop = isOther ? 0 : scrollTop;
    const again = [...this.#panel.querySelectorAll("[data-focus]")].find((e) => e.dataset.focus === focused && focused);
    again?.focus({ preventScroll: true });
  }

  hide() {
    this.#trace = null;
    this.#told = undefined;
    this.#panel.hidden = true;
    this.#panel.replaceChildren();
  }

  focus() {
    this.#panel.querySelector("h2")?.focus({ preventScroll: true });
  }

  #content(told) {
    const close = make("button", {
      type: "button", class: "close", "data-focus": "close", "aria-keyshortcuts": "Escape", onclick: () => this.onclose(),
    }, "Close", make("kbd", { "aria-hidden": "true" }, "Esc"));
    if (!told) {
      const words = told === undefined ? "Reading…"
        : "Nothing is known of this trace: it has not arrived yet, or is no longer kept. Telemetry comes a few seconds after the call.";
      return [
        make("div", { class: "top" }, make("h2", { tabindex: -1, "data-focus": "title" }, "Trace"), close),
        make("p", {}, copyable("trace id", this.#trace)),
        make("p", { class: "quiet" }, words),
      ];
    }
    const tree = order(told.spans ?? []);
    const root = tree[0]?.span;
    return [
      make("div", { class: "top" },
        make("h2", { tabindex: -1, "data-focus": "title" }, root?.name ?? "Trace"),
        root && badge(root.outcome, root.rule), close),
      this.#verdict(root, tree, told),
      this.#facts(root, tree),
      this.#waterfall(tree, root),
      section("Lines", told.logs, tree),
      section("Audit events", told.audit, tree),
      told.dropped > 0 && make("p", { class: "quiet" }, `${told.dropped} more were too many to be kept.`),
    ].filter(Boolean);
  }

  #facts(root, tree) {
    const at = root?.attributes ?? {};
    const fact = (name, value) => value != null && value !== "" && value !== false
      && [make("dt", {}, name), make("dd", {}, value)];
    const call = [at["http.request.method"], at["http.route"]].filter(Boolean).join(" ");
    const began = this.#told.logs?.[0]?.time;
    return make("dl", { class: "facts" },
      fact("Call", call || at["messaging.system"] || at["faas.trigger"]),
      fact("Status", at["http.response.status_code"] ?? ""),
      fact("Duration", duration(root?.durationMs)),
      fact("First line", began && clock(began)),
      fact("Caller", at["user.id"] && make("code", {}, at["user.id"])),
      fact("Invocation", at["faas.invocation_id"] && copyable("invocation id", at["faas.invocation_id"])),
      fact("Trace", copyable("trace id", this.#trace)),
      fact("Told by", tree.length > 0 && sources(root.sources)));
  }

  /** What went wrong, where, and the line that says why. */
  #verdict(root, tree, told) {
    const bad = tree.filter(({ span }) => isBad(span));
    const worst = [...(told.logs ?? [])].sort((a, b) => rank(b) - rank(a))[0];
    const why = worst && rank(worst) > 0 && worst;
    if (bad.length === 0 && !why) {
      return null;
    }
    const where = bad.reduce((deepest, node) => (!deepest || node.depth > deepest.depth ? node : deepest), null);
    const named = where && where.span !== root && where.span.name;
    const thrown = why?.attributes?.["exception.message"];
    return make("section", { class: `verdict ${tone(root?.outcome)}`, "aria-label": "What became of it" },
      make("p", {}, make("strong", {}, isBad(root) ? explain(root.outcome) : "It went well, with something to say."),
        named && [" In ", make("b", {}, named), "."]),
      why && make("p", { class: "why" }, why.message, thrown && thrown !== why.message && `: ${thrown}`));
  }

  #waterfall(tree, root) {
    if (tree.length === 0) {
      return make("p", { class: "quiet" }, "No span of this trace has arrived.");
    }
    const begin = Math.min(...tree.map(({ span }) => span.startMs));
    const end = Math.max(...tree.map(({ span }) => span.startMs + span.durationMs));
    const whole = Math.max(end - begin, 0.001);
    return make("section", { "aria-labelledby": "spans-title" },
      make("h3", { id: "spans-title" }, `Spans (${tree.length})`),
      make("div", { class: "scale", "aria-hidden": "true" },
        make("span", {}, "0"), make("span", {}, duration(whole / 2)), make("span", {}, duration(whole))),
      make("ol", { class: "spans" }, tree.map((node) => this.#span(node, root, begin, whole))));
  }

  #span({ span, depth }, root, begin, whole) {
    // A stage knows only that it failed; what that means is the invocation's to say.
    const told = span.attributes?.["stockade.outcome"] ?? root.outcome;
    const mood = !isBad(span) ? "good" : tone(isBad({ outcome: told }) ? told : span.outcome);
    const bar = make("span", { class: `bar ${mood}` });
    bar.style.left = `${((span.startMs - begin) / whole) * 100}%`;
    bar.style.width = `${(span.durationMs / whole) * 100}%`;
    const open = this.#unfolded.has(span.id);
    const inside = make("div", { class: "inside", hidden: !open },
      make("p", { class: "quiet" }, [KINDS[span.kind], `span ${span.id}`, sources(span.sources)]
        .filter(Boolean).flatMap((part, index) => (index > 0 ? [" · ", part] : [part]))),
      attributes(span.attributes));
    const button = make("button", {
      type: "button", class: "span", "data-focus": span.id, "aria-expanded": String(open),
    },
    make("span", { class: "name" }, make("i", { class: "fold", "aria-hidden": "true" }, "▸"),
      isBad(span) && make("i", { class: `sign ${mood}` , title: span.outcome }, mood === "bad" ? "✕" : "!"),
      make("b", { title: span.name }, span.name),
      span !== root && span.rule && make("em", { class: mood }, span.rule)),
    make("span", { class: "track", "aria-hidden": "true" }, bar),
    make("span", { class: "number" }, duration(span.durationMs)));
    button.style.setProperty("--depth", Math.min(depth, 12));
    button.addEventListener("click", () => {
      const now = inside.toggleAttribute("hidden");
      button.setAttribute("aria-expanded", String(!now));
      this.#unfolded[now ? "delete" : "add"](span.id);
    });
    return make("li", { "aria-label": `${span.name}, level ${depth + 1}` }, button, inside);
  }
}

function section(title, entries, tree) {
  const names = new Map(tree.map(({ span }) => [span.id, span.name]));
  return entries?.length > 0 && make("section", {},
    make("h3", {}, `${title} (${entries.length})`),
    make("ol", { class: "lines" }, entries.map((entry) => line(entry, names.get(entry.spanId)))));
}

/** Spans in the order of a tree, each with its depth; the invocation comes first. */
function order(spans) {
  const ids = new Set(spans.map((span) => span.id));
  const children = Map.groupBy(spans, (span) => (ids.has(span.parentId) && span.parentId !== span.id ? span.parentId : ""));
  const tree = [];
  const walk = (parent, depth) => {
    const below = children.get(parent) ?? [];
    // Each is taken once, so that parents in a circle end.
    children.delete(parent);
    for (const span of below.sort((a, b) => a.startMs - b.startMs)) {
      tree.push({ span, depth });
      walk(span.id, depth + 1);
    }
  };
  walk("", 0);
  // What is left is in a circle, and still is to be seen.
  for (const span of [...children.values()].flat()) {
    tree.push({ span, depth: 0 });
  }
  return tree;
}

const isBad = (span) => Boolean(span?.outcome) && span.outcome !== "succeeded";
const rank = (entry) => ({ ERROR: 2, WARN: 1 })[entry.level] ?? 0;
