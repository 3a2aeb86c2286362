// Shows the latest invocations. Every text goes in as text.
const body = document.querySelector("#invocations");
let version = "";

async function refresh() {
  const answer = await fetch(`/telemetry/invocations?limit=100${version && `&since=${version}`}`);
  if (answer.status !== 200) return;
  const { items, version: latest } = await answer.json();
  version = latest;
  body.replaceChildren(...items.map(row));
}

function row({ time, function: name, outcome, rule, durationMs }) {
  const line = document.createElement("tr");
  for (const text of [time, name, rule ? `${outcome}: ${rule}` : outcome, `${durationMs} ms`]) {
    line.insertCell().textContent = text;
  }
  return line;
}

refresh().catch(() => {});
setInterval(() => refresh().catch(() => {}), 1000);
