import { useSyncExternalStore } from "react";

const SHOWN = 14;
const IDLE = 20;
// The phases, which follow one another; "total" and spans such as "db" lie across them. Their colours are
// those of /timing.css, as on every page.
const PHASES = ["start", "dispatch", "tools", "body", "handler", "finalize", "log", "stream", "redirect", "error"];
const USUAL = PHASES.slice(0, 6);
const OWN = "/timing";

/** The browser's record of this page's requests, as an external store. */
const requests = (() => {
  let seen = [];
  const listeners = new Set();
  new PerformanceObserver((list) => {
    const fresh = list.getEntriesByType("resource").filter(isRequest);
    if (!fresh.length) return;
    seen = [...seen, ...fresh].slice(-SHOWN);
    listeners.forEach((tell) => tell());
  }).observe({ type: "resource", buffered: true });
  return {
    subscribe(tell) {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    current: () => seen,
  };
})();

function isRequest(entry) {
  return entry.initiatorType === "fetch" && !new URL(entry.name).pathname.startsWith(OWN);
}

/** Place the requests on one axis, in milliseconds; idle time between them is cut to IDLE. */
function placed(entries) {
  let cut = 0;
  let busyUntil = -Infinity;
  return entries
    .toSorted((a, b) => a.startTime - b.startTime)
    .map((entry) => {
      if (busyUntil !== -Infinity) cut += Math.max(0, entry.startTime - busyUntil - IDLE);
      else cut = entry.startTime;
      busyUntil = Math.max(busyUntil, entry.responseEnd);
      return { entry, left: entry.startTime - cut };
    });
}

/** Each request from its start to its end, and in it the server's phases one after the other. */
export function Waterfall() {
  const entries = useSyncExternalStore(requests.subscribe, requests.current);
  return (
    <section className="card half" aria-labelledby="waterfall">
      <h2 id="waterfall">Waterfall of this page</h2>
      {entries.length ? <Rows rows={placed(entries)} /> : <p>No request yet.</p>}
      <Legend />
      <p className="alternates">
        From <code>PerformanceResourceTiming.serverTiming</code>: the last {SHOWN} requests; idle time between them is
        cut.
      </p>
    </section>
  );
}

function Rows({ rows }) {
  const span = Math.max(...rows.map(({ entry, left }) => left + entry.duration));
  return (
    <table className="requests">
      <thead>
        <tr>
          <th scope="col">Request</th>
          <td>0 to {ms(span)}</td>
          <td>Total</td>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ entry, left }) => (
          <tr key={entry.startTime + entry.name}>
            <th scope="row" title={pathOf(entry)}>
              {pathOf(entry)}
            </th>
            <td>
              <Track entry={entry} left={left} span={span} />
            </td>
            <td>{ms(entry.duration)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Track({ entry, left, span }) {
  const percent = (value) => `${(100 * value) / span}%`;
  const said = entry.serverTiming.map(({ name, duration }) => `${name} ${ms(duration)}`).join(", ");
  const phases = entry.serverTiming.filter(({ name }) => PHASES.includes(name));
  let at = left + Math.max(0, entry.requestStart - entry.startTime);
  return (
    <span className="track" role="img" aria-label={said || "no server timing"} title={said}>
      <i className="c0" style={{ left: percent(left), width: percent(entry.duration) }} />
      {phases.map(({ name, duration }) => {
        const style = { left: percent(at), width: percent(duration) };
        at += duration;
        return <i key={name} className={`phase phase-${name}`} style={style} />;
      })}
    </span>
  );
}

function Legend() {
  return (
    <ul className="legend">
      <li>
        <i className="c0" />
        browser and network
      </li>
      {USUAL.map((name) => (
        <li key={name}>
          <i className={`phase phase-${name}`} />
          {name}
        </li>
      ))}
    </ul>
  );
}

function pathOf(entry) {
  const { pathname, search } = new URL(entry.name);
  return pathname + search;
}

function ms(value) {
  return `${Number.isFinite(value) ? value.toFixed(1) : 0} ms`;
}
