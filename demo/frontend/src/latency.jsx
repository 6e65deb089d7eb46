import { useEffect, useState } from "react";

import { askJson, told } from "./api.js";

const OWN = "/timing";
const EVERY = 2000;
const KEPT = 60;
const NAMES = ["p50", "p95", "p99"];
const WIDTH = 600;
const HEIGHT = 180;
const LEFT = 44;

/** Percentiles by route from the timing tool: a table as it is now, a chart as it was. */
export function Latency() {
  const [history, setHistory] = useState([]);
  const [chosen, setChosen] = useState(null);
  const [error, setError] = useState(null);

  useEffect(() => {
    let stopped = false;
    let timer;
    async function look() {
      try {
        const report = await askJson(OWN);
        const known = report.routes.filter((one) => one.route && one.route !== OWN);
        if (!stopped) setHistory((past) => [...past, known].slice(-KEPT));
        setError(null);
      } catch (problem) {
        setError(problem);
      }
      if (!stopped) timer = setTimeout(look, EVERY);
    }
    look();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, []);

  const routes = [...(history.at(-1) || [])].sort((a, b) => b.count - a.count).slice(0, 8);
  const current = chosen ?? (routes[0] && keyOf(routes[0]));
  return (
    <section className="card half" aria-labelledby="latency">
      <h2 id="latency">Percentiles by route</h2>
      {error && <p role="alert" className="bad">{told(error)}</p>}
      {routes.length > 0 && <Chart history={history} route={current} />}
      <Table routes={routes} current={current} onChoose={setChosen} />
    </section>
  );
}

function Chart({ history, route }) {
  const points = history.map((routes) => routes.find((one) => keyOf(one) === route)).filter(Boolean);
  const top = Math.max(0.001, ...points.map((point) => point.p99)) * 1.15;
  const x = (index) => LEFT + (index * (WIDTH - LEFT)) / (KEPT - 1);
  const y = (seconds) => HEIGHT - (HEIGHT * seconds) / top;
  const last = points.at(-1);
  const said = last && NAMES.map((name) => `${name} ${ms(last[name])}`).join(", ");
  return (
    <figure>
      <figcaption>
        <code>{route}</code> · {said}
      </figcaption>
      <svg className="chart" viewBox={`0 -8 ${WIDTH} ${HEIGHT + 16}`} role="img" aria-label={`${route}: ${said}`}>
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line x1={LEFT} x2={WIDTH} y1={HEIGHT * part} y2={HEIGHT * part} />
            <text x={LEFT - 6} y={HEIGHT * part + 4} textAnchor="end">
              {(top * (1 - part) * 1000).toFixed(1)}
            </text>
          </g>
        ))}
        {NAMES.map((name, index) => (
          <polyline
            key={name}
            className={`s${index + 1}`}
            points={[...points, ...(points.length === 1 ? points : [])].map((p, i) => `${x(i)},${y(p[name])}`).join(" ")}
          />
        ))}
      </svg>
      <ul className="legend">
        {NAMES.map((name, index) => (
          <li key={name}>
            <i className={["c3", "c4", "c1"][index]} />
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
    <div className="scroll" tabIndex="0" role="region" aria-label="Table of percentiles">
      <table className="figures">
        <thead>
          <tr>
            <th scope="col">Route</th>
            <th scope="col">Requests</th>
            {NAMES.map((name) => (
              <th key={name} scope="col">
                {name} ms
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
