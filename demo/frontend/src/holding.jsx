import { useActionState, useEffect, useState } from "react";

import { ask, askJson, told } from "./api.js";
import { submitting } from "./form.js";

const FORMS = ["application/json", "text/plain", "text/html"];

/** A book in a library: its facts, an edit that stays, and the same URL in three forms. */
export function Holding({ path }) {
  const [holding, setHolding] = useState(null);
  const [error, setError] = useState(null);

  useEffect(() => {
    askJson(path).then(setHolding, setError);
  }, [path]);

  return (
    <section className="card half" aria-labelledby="book">
      {error && (
        <p role="alert" className="bad">
          {told(error)}
        </p>
      )}
      {holding ? (
        <>
          <h2 id="book" lang={holding.book.language}>
            {holding.book.title}
          </h2>
          <p>
            {holding.book.author}, {holding.book.year} · {holding.library.name}
          </p>
          <Edit path={path} holding={holding} onSaved={setHolding} />
          <Forms path={path} version={holding} />
        </>
      ) : (
        <h2 id="book">A book</h2>
      )}
    </section>
  );
}

function Edit({ path, holding, onSaved }) {
  const [said, save, saving] = useActionState(async (_, fields) => {
    try {
      onSaved(await askJson(path, { method: "PUT", fields }));
      return { text: "Saved." };
    } catch (error) {
      return { text: told(error), bad: true };
    }
  }, null);

  return (
    <form onSubmit={submitting(save)}>
      <label>
        Copies <input name="copies" key={holding.copies} defaultValue={holding.copies} size="4" inputMode="numeric" />
      </label>
      <label>
        Note <input name="note" key={holding.note} defaultValue={holding.note} autoComplete="off" dir="auto" />
      </label>
      <button disabled={saving}>Save</button>
      <span role="status" className={said?.bad ? "bad" : "good"}>
        {said?.text}
      </span>
    </form>
  );
}

function Forms({ path, version }) {
  const [accept, setAccept] = useState(FORMS[0]);
  const [answer, setAnswer] = useState("");

  useEffect(() => {
    let current = true;
    ask(path, { accept })
      .then((response) => response.text())
      .then((text) => current && setAnswer(text), (error) => current && setAnswer(told(error)));
    return () => {
      current = false;
    };
  }, [path, accept, version]);

  return (
    <>
      <h3>
        <code>{path}</code>
      </h3>
      <div className="tabs" role="group" aria-label="Accept">
        {FORMS.map((form) => (
          <button key={form} type="button" aria-pressed={form === accept} onClick={() => setAccept(form)}>
            {form}
          </button>
        ))}
      </div>
      <pre tabIndex="0">{answer}</pre>
    </>
  );
}
