import { useEffect, useState } from "react";

import { ask, askTagged, told } from "./api.js";
import { Failure, Form, Outcome, refusal, useChange } from "./form.jsx";
import { useRead } from "./read.js";

const FORMS = ["application/json", "text/plain", "text/html"];

/** A book in a library: its facts, an edit that stays, and the same URL in three forms. */
export function Holding({ path }) {
  const [read, error, again] = useRead((signal) => askTagged(path, { signal }), path);
  const [saved, setSaved] = useState(null);
  const { data: holding, tag } = saved || read || {};
  const title = holding?.book.title;

  useEffect(() => {
    if (title) document.title = `${title} · cpkit demo`;
  }, [title]);

  return (
    <section className="card half" aria-labelledby="book">
      {error && <Failure error={error} onRetry={again} />}
      {holding ? (
        <>
          <h2 id="book" lang={holding.book.language}>
            {title}
          </h2>
          <p>
            {holding.book.author}, {holding.book.year} · {holding.library.name}
          </p>
          <Edit path={path} holding={holding} tag={tag} onSaved={setSaved} />
          <Forms path={path} version={holding.version} />
        </>
      ) : (
        <h2 id="book">A book</h2>
      )}
    </section>
  );
}

function Edit({ path, holding, tag, onSaved }) {
  const [said, change] = useChange();

  function save(fields, form) {
    return change(async () => {
      try {
        const answer = await askTagged(path, { method: "PUT", fields, tag });
        form.elements.note.value = answer.data.note; // as it was kept
        onSaved(answer);
        return "Saved.";
      } catch (error) {
        // The version that there is now; what the reader has written stays in the form.
        if (error.status === 412) onSaved(await askTagged(path));
        throw error;
      }
    });
  }

  return (
    <Form onSend={save} said={said}>
      <label>
        Copies{" "}
        <input name="copies" defaultValue={holding.copies} size="4" inputMode="numeric" {...refusal(said, "copies", "book-said")} />
      </label>
      <label>
        Note{" "}
        <input name="note" defaultValue={holding.note} autoComplete="off" dir="auto" {...refusal(said, "note", "book-said")} />
      </label>
      <button>Save</button>
      <Outcome said={said} id="book-said" />
    </Form>
  );
}

function Forms({ path, version }) {
  const [accept, setAccept] = useState(FORMS[0]);
  const [answer, error] = useRead(
    async (signal) => (await ask(path, { accept, signal })).text(),
    `${path} ${accept} ${version}`,
  );

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
      <pre tabIndex="0">{error ? told(error) : answer}</pre>
    </>
  );
}
