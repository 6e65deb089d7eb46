import { useSyncExternalStore } from "react";

const SHOWN = 14;
const COLOURS = { dispatch: "c2", body: "c2", tools: "c5", handler: "c1", db: "c4", finalize: "c3", stream: "c3" };
const INSIDE = new Set(["total", "db"]);
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

/** Each request from its start to its end, and in it the server's phases one after the other. */
export function Waterfall() {
  const entries = useSyncExternalStore(requests.subscribe, requests.current);
  const start = Math.min(...entries.map((entry) => entry.startTime));
  const span = Math.max(...entries.map((entry) => entry.responseEnd)) - start;
  const longest = Math.max(...entries.map((entry) => entry.duration));
  return (
    <section className="card half" aria-labelledby="waterfall">
      <h2 id="waterfall">Waterfall of this page</h2>
      {entries.length ? <Rows entries={entries} longest={longest} /> : <p>No request yet.</p>}
      <Legend />
      <p className="alternates">
        From <code>PerformanceResourceTiming.serverTiming</code>; {entries.length} requests in {ms(span)}.
      </p>
    </section>
  );
}

function Rows({ entries, longest }) {
  return (
    <table className="waterfall">
      <thead>
        <tr>
          <th scope="col">Request</th>
          <th scope="col">Server’s phases in the browser’s time</th>
          <td>Total</td>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.startTime + entry.name}>
            <th scope="row" title={pathOf(entry)}>
              {pathOf(entry)}
            </th>
            <td>
              <Track entry={entry} longest={longest} />
            </td>
            <td>{ms(entry.duration)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Track({ entry, longest }) {
  const percent = (value) => `${(100 * value) / longest}%`;
  const said = entry.serverTiming.map(({ name, duration }) => `${name} ${ms(duration)}`).join(", ");
  const phases = entry.serverTiming.filter(({ name }) => COLOURS[name] && !INSIDE.has(name));
  let left = Math.max(0, entry.requestStart - entry.startTime);
  return (
    <span className="track" role="img" aria-label={said || "no server timing"} title={said}>
      <i className="c0" style={{ left: 0, width: percent(entry.duration) }} />
      {phases.map(({ name, duration }) => {
        const style = { left: percent(left), width: percent(duration) };
        left += duration;
        return <i key={name} className={COLOURS[name]} style={style} />;
      })}
    </span>
  );
}

function Legend() {
  return (
    <ul className="legend">
      {[["c0", "browser and network"], ["c2", "dispatch, body"], ["c5", "tools"], ["c1", "handler"], ["c3", "finalize"]].map(
        ([colour, text]) => (
          <li key={colour}>
            <i className={colour} />
            {text}
          </li>
        ),
      )}
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
