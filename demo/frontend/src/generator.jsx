import { useRef, useState } from "react";

import { askTagged } from "./api.js";
import { Form, Outcome, refusal, useChange } from "./form.jsx";

const PATH = "/generator";
const DONE = { GET: "Here it is.", POST: "Generated.", PUT: "Replaced.", DELETE: "Deleted." };

/** The visitor's string: made, replaced, dropped; errors are shown as the server said them. */
export function Generator() {
  const [shown, setShown] = useState({});
  const [said, change] = useChange();
  const generate = useRef(null);

  function send(method, fields) {
    return change(async () => {
      try {
        const { data, tag } = await askTagged(PATH, { method, fields, tag: method === "PUT" ? shown.tag : undefined });
        setShown({ string: data.string, tag });
        if (method === "DELETE") generate.current.focus(); // the button that was pressed is gone
        return DONE[method];
      } catch (error) {
        if (error.status === 412) await takeNote();
        throw error;
      }
    });
  }

  /** Take note of the version that there is now; what the reader has written stays in the form. */
  async function takeNote() {
    const { tag } = await askTagged(PATH).catch(() => ({}));
    setShown((past) => ({ ...past, tag }));
  }

  return (
    <section className="card" aria-labelledby="generator">
      <h2 id="generator">Your string</h2>
      <Form onSend={(fields) => send("POST", fields)} said={said}>
        <label>
          Length{" "}
          <input name="length" defaultValue="8" size="5" inputMode="numeric" {...refusal(said, "length", "string-said")} />
        </label>
        <button ref={generate}>Generate</button>
        <button type="button" className="quiet" onClick={() => send("GET")}>
          Show mine
        </button>
      </Form>
      {shown.string !== undefined && (
        <Form onSend={(fields) => send("PUT", fields)} said={said}>
          <label>
            String{" "}
            <input
              name="another_string"
              key={shown.string}
              defaultValue={shown.string}
              autoComplete="off"
              dir="auto"
              {...refusal(said, "another_string", "string-said")}
            />
          </label>
          <button>Replace</button>
          <button type="button" className="quiet" onClick={() => send("DELETE")}>
            Delete
          </button>
        </Form>
      )}
      <p>
        <Outcome said={said} id="string-said" />
      </p>
    </section>
  );
}
