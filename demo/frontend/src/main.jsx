import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import "../../static/once.js";
import { Generator } from "./generator.jsx";
import { Latency } from "./latency.jsx";
import { Library } from "./library.jsx";
import { Waterfall } from "./waterfall.jsx";

function App() {
  return (
    <div className="app">
      <header>
        <p className="eyebrow">Chapter 10</p>
        <h1>The library, in React</h1>
        <p className="lead">
          The same URLs as everywhere on this site. Every request below appears in the waterfall with the phases that
          the server reports; open one for its own.
        </p>
      </header>
      <Library />
      <Generator />
      <Waterfall />
      <Latency />
    </div>
  );
}

createRoot(document.getElementById("app")).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
