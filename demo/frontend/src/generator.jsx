import { useState } from "react";

import { askJson, told } from "./api.js";
import { submitting } from "./form.js";

/** The visitor's string: made, replaced, dropped; errors are shown as the server said them. */
export function Generator() {
  const [string, setString] = useState(null);
  const [said, setSaid] = useState({ text: "" });

  async function send(method, fields) {
    try {
      const answer = await askJson("/generator", { method, fields });
      if (method !== "GET") setSaid({ text: { POST: "Generated.", PUT: "Replaced.", DELETE: "Deleted." }[method] });
      else setSaid({ text: "" });
      setString(answer.string ?? null);
    } catch (error) {
      setSaid({ text: told(error), bad: true });
    }
  }

  return (
    <section className="card" aria-labelledby="generator">
      <h2 id="generator">Your string</h2>
      <form onSubmit={submitting((fields) => send("POST", fields))}>
        <label>
          Length <input name="length" defaultValue="8" size="5" inputMode="numeric" />
        </label>
        <button>Generate</button>
        <button type="button" className="quiet" onClick={() => send("GET")}>
          Show mine
        </button>
      </form>
      {string !== null && (
        <form onSubmit={submitting((fields) => send("PUT", fields))} key={string}>
          <label>
            String <input name="another_string" defaultValue={string} autoComplete="off" />
          </label>
          <button>Replace</button>
          <button type="button" className="quiet" onClick={() => send("DELETE")}>
            Delete
          </button>
        </form>
      )}
      <p role="status" className={said.bad ? "bad" : "good"}>
        {said.text}
      </p>
    </section>
  );
}
