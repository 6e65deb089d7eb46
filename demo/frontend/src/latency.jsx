import { useEffect, useState } from "react";

import { askJson, told } from "./api.js";

const OWN = "/timing";
const OF_PAGES = [OWN, "/timing.css", "/static"]; // which every page asks for
const EVERY = 2000;
const KEPT = 60;
const NAMES = ["p50", "p95", "p99"];
const WIDTH = 460;
const HEIGHT = 150;
const LEFT = 60;
const ENOUGH = 6; // looks, of which a line can be seen

/** Percentiles by route from the timing tool: a table as it is now, a chart as it was. */
export function Latency() {
  const [history, setHistory] = useState([]);
  const [chosen, setChosen] = useState(null);
  const [error, setError] = useState(null);

  useEffect(() => {
    let stopped = false;
    let timer;
    async function look() {
      clearTimeout(timer);
      try {
        const report = await askJson(OWN);
        const known = report.routes.filter((one) => one.route && !OF_PAGES.includes(one.route));
        if (!stopped) setHistory((past) => [...past, known].slice(-KEPT));
        setError(null);
      } catch (problem) {
        setError(problem);
      }
      // Nobody sees a hidden tab: it asks again when it is shown.
      if (!stopped && document.visibilityState === "visible") timer = setTimeout(look, EVERY);
    }
    function onShown() {
      if (document.visibilityState === "visible") look();
      else clearTimeout(timer);
    }
    look();
    document.addEventListener("visibilitychange", onShown);
    return () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onShown);
    };
  }, []);

  const routes = [...(history.at(-1) || [])].sort((a, b) => b.count - a.count).slice(0, 8);
  const current = chosen ?? (routes[0] && keyOf(routes[0]));
  return (
    <section className="card half" aria-labelledby="latency">
      <h2 id="latency">Percentiles by route</h2>
      {error && <p role="alert" className="bad">{told(error)}</p>}
      {routes.length > 0 ? (
        <>
          <Chart history={history} route={current} />
          <Table routes={routes} current={current} onChoose={setChosen} />
        </>
      ) : (
        <p>{history.length ? "Nothing has been counted yet: use this page, and it will be." : "Asking /timing…"}</p>
      )}
    </section>
  );
}

function Chart({ history, route }) {
  const points = history.map((routes) => routes.find((one) => keyOf(one) === route)).filter(Boolean);
  const top = Math.max(0.001, ...points.map((point) => point.p99)) * 1.15;
  // The latest look is at the right edge.
  const x = (index) => WIDTH - 4 - ((points.length - 1 - index) * (WIDTH - LEFT - 4)) / (KEPT - 1);
  const y = (seconds) => HEIGHT - (HEIGHT * seconds) / top;
  const last = points.at(-1);
  const said = last && NAMES.map((name) => `${name} ${ms(last[name])}`).join(", ");
  return (
    <figure>
      <figcaption>
        <code>{route}</code> · {said}
      </figcaption>
      {points.length < ENOUGH && <p className="first">A look every two seconds: the dots at the right become lines.</p>}
      <svg className="chart" viewBox={`0 -8 ${WIDTH} ${HEIGHT + 16}`} role="img" aria-label={`${route}: ${said}`}>
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line x1={LEFT} x2={WIDTH} y1={HEIGHT * part} y2={HEIGHT * part} />
            <text x={LEFT - 6} y={HEIGHT * part + 4} textAnchor="end">
              {(top * (1 - part) * 1000).toFixed(top < 0.1 ? 1 : 0)}
            </text>
          </g>
        ))}
        {NAMES.map((name, index) => (
          <g key={name} className={`s${index + 1}`}>
            <polyline points={points.map((point, at) => `${x(at)},${y(point[name])}`).join(" ")} />
            {last && <circle cx={x(points.length - 1)} cy={y(last[name])} r="4" />}
          </g>
        ))}
      </svg>
      <ul className="legend">
        {NAMES.map((name, index) => (
          <li key={name}>
            <i className={`c${index + 1}`} />
            {name}
          </li>
        ))}
        <li>milliseconds, every two seconds</li>
      </ul>
    </figure>
  );
}

function Table({ routes, current, onChoose }) {
  return (
    <div className="scroll" tabIndex="0" role="region" aria-label="Table of percentiles, in milliseconds">
      <table className="figures">
        <thead>
          <tr>
            <th scope="col">Route</th>
            <th scope="col">Count</th>
            {NAMES.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {routes.map((route) => (
            <tr key={keyOf(route)}>
              <th scope="row">
                <button type="button" className="quiet small" aria-pressed={keyOf(route) === current} onClick={() => onChoose(keyOf(route))}>
                  {keyOf(route)}
                </button>
              </th>
              <td>{route.count}</td>
              {NAMES.map((name) => (
                <td key={name}>{(route[name] * 1000).toFixed(1)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function keyOf(route) {
  return `${route.method} ${route.route || "(no route)"}`;
}

function ms(seconds) {
  return `${(seconds * 1000).toFixed(1)} ms`;
}
