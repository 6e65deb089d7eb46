import { useState, useSyncExternalStore } from "react";

import { drawTimings, parseEntries } from "../../static/waterfall.js";

const SHOWN = 14;
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

/** Each request on the axis of the longest one; opened, its own phases on an axis of their own. */
export function Waterfall() {
  const entries = useSyncExternalStore(requests.subscribe, requests.current);
  const longest = Math.max(...entries.map(({ duration }) => duration));
  return (
    <section className="card half" aria-labelledby="waterfall">
      <h2 id="waterfall">Waterfall of this page</h2>
      {entries.length ? (
        <ul className="requests" aria-label="Requests">
          {entries.map((entry) => (
            <Request key={entry.startTime + entry.name} entry={entry} longest={longest} />
          ))}
        </ul>
      ) : (
        <p>No request yet.</p>
      )}
      <Legend />
      <p className="alternates">
        From <code>PerformanceResourceTiming.serverTiming</code>: the last {SHOWN} requests, the oldest first, each from
        its start. Open one for the server's phases.
      </p>
    </section>
  );
}

function Request({ entry, longest }) {
  const [open, setOpen] = useState(false);
  return (
    <li>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span className="path">{pathOf(entry)}</span>
          <Track entry={entry} longest={longest} />
          <b>{ms(entry.duration)}</b>
        </summary>
        {open && <Phases entry={entry} />}
      </details>
    </li>
  );
}

function Track({ entry, longest }) {
  const percent = (value) => `${(100 * value) / longest}%`;
  const said = entry.serverTiming.map(({ name, duration }) => `${name} ${ms(duration)}`).join(", ");
  const phases = entry.serverTiming.filter(({ name }) => PHASES.includes(name));
  let at = Math.max(0, entry.requestStart - entry.startTime);
  return (
    <span className="track" role="img" aria-label={said || "no server timing"} title={said}>
      <i className="c0" style={{ left: 0, width: percent(entry.duration) }} />
      {phases.map(({ name, duration }) => {
        const style = { left: percent(at), width: percent(duration) };
        at += duration;
        return <i key={name} className={`phase phase-${name}`} style={style} />;
      })}
    </span>
  );
}

/** The same drawing as on the tour, which is no part of React's. */
function Phases({ entry }) {
  const told = entry.serverTiming.length ? drawTimings(parseEntries(entry.serverTiming)) : "It came without timing.";
  return (
    <div className="opened">
      <p>
        At {ms(entry.startTime)} of this page; {entry.transferSize} bytes
        {entry.responseStatus ? `; status ${entry.responseStatus}` : ""}. In the server:
      </p>
      <div ref={(node) => node?.replaceChildren(told)} />
    </div>
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
