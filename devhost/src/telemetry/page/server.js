// What the server knows. It answers 304 as long as nothing has changed.

/** By address: the answer's tag, and the answer. */
const last = new Map();

/**
 * Reads a document. An answer that is the same object as before has not changed; null is one that is not there.
 */
export async function read(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  const address = query.size > 0 ? `${path}?${query}` : path;
  const known = last.get(address);
  const answer = await fetch(address, {
    headers: known?.tag ? { "If-None-Match": known.tag } : {},
    cache: "no-store",
    redirect: "error",
    signal: AbortSignal.timeout(5000),
  });
  if (answer.status === 304 && known) {
    return known.document;
  }
  if (answer.status === 404) {
    last.delete(address);
    return null;
  }
  if (!answer.ok) {
    throw new Error(`the server answered ${answer.status}`);
  }
  // The version counts whatever comes, which need not be in this document.
  const { version, ...told } = await answer.json();
  const text = JSON.stringify(told);
  const document = known?.text === text ? known.document : told;
  // Older pages of a list are asked for once.
  if (!parameters.before) {
    last.delete(address);
    last.set(address, { tag: answer.headers.get("ETag"), text, document });
    if (last.size > 20) {
      last.delete(last.keys().next().value);
    }
  }
  return document;
}
