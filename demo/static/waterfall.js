// What the Server-Timing field says, and how it is drawn. No request is made here.

/** Parse a Server-Timing field into [{name, duration, description}]. */
export function parseTimings(field) {
  return (field || "")
    .split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/)
    .map((entry) => entry.split(/;(?=(?:[^"]*"[^"]*")*[^"]*$)/).map((part) => part.trim()))
    .filter(([name]) => name)
    .map(([name, ...parameters]) => {
      const of = Object.fromEntries(parameters.map((p) => p.split("=").map((s) => s.trim())));
      const description = (of.desc || "").replace(/^"|"$/g, "");
      return { name, duration: Number(of.dur || 0), description };
    });
}

// These follow one another; "total" and spans such as "db" lie across them.
const PHASES = ["start", "dispatch", "tools", "body", "handler", "finalize", "log", "stream", "redirect", "error"];

/** Draw the timings as bars, one a row, each phase where the one before it ended; the text says what they show. */
export function drawTimings(timings) {
  const list = document.createElement("ul");
  list.className = "bars";
  const longest = Math.max(0.01, ...timings.map((timing) => timing.duration));
  let ended = 0;
  let handler = 0;
  for (const { name, duration, description } of timings) {
    const row = list.appendChild(document.createElement("li"));
    row.append(Object.assign(document.createElement("span"), { textContent: description ? `${name} (${description})` : name }));
    const bar = row.appendChild(document.createElement("i"));
    bar.style.width = `${Math.max(1, (100 * duration) / longest)}%`;
    if (name === "handler") handler = ended;
    const phase = PHASES.includes(name);
    // The field doesn't say when a span began: it is drawn from where the handler did.
    const began = phase ? ended : name === "total" ? 0 : Math.min(handler, longest - duration);
    bar.style.marginLeft = `${(100 * began) / longest}%`;
    if (phase) ended = Math.min(ended + duration, 0.99 * longest);
    bar.className = `phase phase-${name}`;
    row.append(Object.assign(document.createElement("b"), { textContent: `${duration.toFixed(2)} ms` }));
  }
  return list;
}
