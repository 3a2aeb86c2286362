// Elements, and how values read. All text goes in as text: whatever the server tells is somebody else's.

/** Characters that hide, or turn other text round. */
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

export const byId = (id) => document.getElementById(id);

/** Text with nothing unseen in it. */
export function plain(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.replace(UNSEEN, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/** An element with attributes; a child is an element, a text, or nothing. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value != null) {
      element.setAttribute(name, plain(value));
    }
  }
  for (const child of children.flat(Infinity)) {
    if (child != null && child !== false) {
      element.append(child instanceof Node ? child : plain(child));
    }
  }
  return element;
}

/** Sets a text, and leaves the document alone when it stands there already. */
export function say(element, text) {
  if (element.textContent !== plain(text)) {
    element.textContent = plain(text);
  }
}

/** Chooses among options; the one that is chosen stays, even if it is no longer offered. */
export function offer(select, options, chosen) {
  const all = options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen]];
  const key = JSON.stringify(all);
  if (select.dataset.offered !== key) {
    select.dataset.offered = key;
    select.replaceChildren(...all.map(([value, label]) => make("option", { value }, label)));
  }
  select.value = chosen;
}

const WORDS = {
  denied: "The caller was turned away before anything read the input.",
  rejected: "The input is wrong and will stay wrong.",
  refused: "The function or a guard said no on purpose.",
  unavailable: "There was no room, or something the app needs is not there yet.",
  abandoned: "The other side closed the connection before it was answered.",
  quarantined: "The event is kept in the quarantine, with the reason.",
  failed: "Something has to be mended.",
};

export const explain = (outcome) => WORDS[outcome] ?? "";

/** Whether it went well, was turned away, failed, or is set aside. */
export function tone(outcome) {
  return { succeeded: "good", failed: "bad", quarantined: "aside" }[outcome] ?? (outcome ? "held" : "");
}

/** The outcome as a word with its rule. The sign repeats the colour for those who do not see it. */
export function badge(outcome, rule) {
  const sign = { good: "✓", bad: "✕", held: "!", aside: "⇢" }[tone(outcome)];
  return make("span", { class: `badge ${tone(outcome)}`, title: rule && `${outcome}: ${rule}` },
    make("i", { "aria-hidden": "true" }, sign ?? "·"),
    make("b", {}, outcome ?? "open"),
    rule && rule !== outcome && make("span", { class: "rule" }, rule));
}

export const number = (value) => Number(value ?? 0).toLocaleString("en");

export function duration(ms) {
  if (typeof ms !== "number") {
    return "";
  }
  const [value, unit] = ms < 0.9995 ? [ms * 1000, "µs"] : ms < 999.5 ? [ms, "ms"] : [ms / 1000, "s"];
  return `${value < 10 ? value.toFixed(1) : value.toFixed(unit === "s" ? 1 : 0)} ${unit}`;
}

/** The local time of day; the whole of it is in the tooltip. */
export function clock(time) {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) {
    return make("span", {}, time);
  }
  const text = at.toLocaleTimeString("en-GB") + `.${String(at.getMilliseconds()).padStart(3, "0")}`;
  return make("time", { datetime: time, title: `${at.toLocaleDateString("sv")} ${text} (${time})` }, text);
}

/** A value that a click copies. */
export function copyable(label, value) {
  const button = make("button", { type: "button", class: "copy", "aria-label": `Copy ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    const done = await navigator.clipboard?.writeText(value).then(() => true, () => false);
    say(button, done ? "Copied" : "Not copied");
    setTimeout(() => say(button, "Copy"), 1500);
  });
  return make("span", { class: "copyable" }, make("code", {}, value), button);
}

export function attributes(values) {
  const names = Object.keys(values ?? {}).sort();
  return names.length > 0 && make("dl", { class: "attributes" },
    names.map((name) => [make("dt", {}, name), make("dd", {}, plain(values[name]))]));
}

const SOURCES = { applicationInsights: "App Insights", otlp: "OTLP" };

/** Who said it, named only where not everybody did. */
export function sources(said) {
  return said?.length === 1 && make("span", { class: "source", title: "Only this source said so" },
    `${SOURCES[said[0]] ?? said[0]} only`);
}
