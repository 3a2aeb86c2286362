// Where one is: a view, a trace and filters, all of them in the address after `#`.

const FILTERS = ["function", "outcome", "text", "event"];

/** Reads the address. */
export function here() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const parameters = new URLSearchParams(query);
  const place = { view: path.startsWith("audit") ? "audit" : "list" };
  for (const name of FILTERS) {
    place[name] = parameters.get(name) ?? "";
  }
  const trace = /(?:^|\/)trace\/([^/]+)$/.exec(path);
  place.trace = trace && decode(trace[1]);
  return place;
}

/** The address of a place. */
export function hash(place) {
  const steps = [place.view === "audit" && "audit", place.trace && `trace/${encodeURIComponent(place.trace)}`];
  const query = new URLSearchParams(FILTERS.map((name) => [name, place[name]]).filter(([, value]) => value));
  return `#/${steps.filter(Boolean).join("/")}${query.size > 0 ? `?${query}` : ""}`;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
