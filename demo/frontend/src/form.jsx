import { useRef, useState } from "react";

import { told } from "./api.js";

/** One change at a time, and what came of it: each outcome is announced. */
export function useChange() {
  const [said, setSaid] = useState({ text: "", fields: [] });
  const busy = useRef(false);

  async function change(run) {
    if (busy.current) return;
    busy.current = true;
    setSaid({ text: "…", fields: [], busy: true }); // so that a second "Saved." is heard as well
    try {
      setSaid({ text: await run(), fields: [] });
    } catch (error) {
      setSaid({ text: told(error), fields: error.fields || [], bad: true });
    } finally {
      busy.current = false;
    }
  }

  return [said, change];
}

export function Outcome({ said, id }) {
  return (
    <span role="status" id={id} className={said.bad ? "bad" : "good"}>
      {said.text}
    </span>
  );
}

/** What a field that was refused says of itself. */
export function refusal(said, name, id) {
  return said.fields.includes(name) ? { "aria-invalid": true, "aria-describedby": id } : {};
}

/** A form that is sent to a function; a button that were disabled would lose the focus. */
export function Form({ onSend, said, children }) {
  function submit(event) {
    event.preventDefault();
    onSend(new FormData(event.currentTarget), event.currentTarget);
  }
  return (
    <form onSubmit={submit} aria-busy={said.busy || undefined}>
      {children}
    </form>
  );
}

/** What could not be read, and a way back. */
export function Failure({ error, onRetry }) {
  return (
    <div role="alert" className="bad">
      <p>{told(error)}</p>
      <button type="button" className="quiet" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}
