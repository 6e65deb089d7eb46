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

/** Draw the timings as bars, one a row; the text says what the bars show. */
export function drawTimings(timings) {
  const list = document.createElement("ul");
  list.className = "bars";
  const longest = Math.max(0.01, ...timings.map((timing) => timing.duration));
  for (const { name, duration, description } of timings) {
    const row = list.appendChild(document.createElement("li"));
    row.append(Object.assign(document.createElement("span"), { textContent: description ? `${name} (${description})` : name }));
    const bar = row.appendChild(document.createElement("i"));
    bar.style.width = `${Math.max(1, (60 * duration) / longest)}%`;
    bar.className = `phase phase-${name}`;
    row.append(Object.assign(document.createElement("b"), { textContent: `${duration.toFixed(2)} ms` }));
  }
  return list;
}
