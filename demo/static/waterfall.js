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

/** Make the same of the browser's own entries (PerformanceServerTiming). */
export function parseEntries(entries) {
  return [...(entries || [])].map(({ name, duration, description }) => ({ name, duration, description }));
}

// These follow one another; "total" and spans such as "db" lie across them.
const PHASES = ["start", "dispatch", "tools", "body", "handler", "finalize", "log", "stream", "redirect", "error"];

/** Say where each timing begins: a phase where the one before it ended; the field tells no more. */
export function placed(timings) {
  let ended = 0;
  const handler = Math.max(0, sumBefore(timings, "handler"));
  return timings.map((timing) => {
    const isPhase = PHASES.includes(timing.name);
    const start = isPhase ? ended : timing.name === "total" ? 0 : handler;
    if (isPhase) ended += timing.duration;
    // Of a span it is only known that the handler had begun.
    return { ...timing, start, isExact: isPhase || timing.name === "total" };
  });
}

function sumBefore(timings, name) {
  const phases = timings.filter((timing) => PHASES.includes(timing.name));
  const at = phases.findIndex((timing) => timing.name === name);
  return phases.slice(0, Math.max(0, at)).reduce((sum, { duration }) => sum + duration, 0);
}

/** Draw the timings as bars, one a row, from where each begins; the text says what they show. */
export function drawTimings(timings) {
  const list = document.createElement("ul");
  list.className = "bars";
  const longest = Math.max(0.01, ...timings.map((timing) => timing.duration));
  for (const { name, duration, description, start, isExact } of placed(timings)) {
    const row = list.appendChild(document.createElement("li"));
    row.append(element("span", description ? `${name} (${description})` : name));
    const track = row.appendChild(element("span", "", "track"));
    const bar = track.appendChild(element("i", "", `phase phase-${name}`));
    const left = Math.min(start, longest - duration);
    bar.style.left = `${Math.max(0, (100 * left) / longest)}%`;
    bar.style.width = `${(100 * duration) / longest}%`;
    row.append(element("small", isExact ? `at ${start.toFixed(2)}` : "within"));
    row.append(element("b", `${duration.toFixed(2)} ms`));
  }
  return list;
}

function element(tag, textContent, className = "") {
  return Object.assign(document.createElement(tag), { textContent, className });
}
