import { useEffect, useSyncExternalStore } from "react";

import { askJson } from "./api.js";
import { Failure } from "./form.jsx";
import { Holding } from "./holding.jsx";
import { useRead } from "./read.js";

const HOME = "#12/15";
const PLACE = /^#(\d+)\/(\d+)(?:\/(\d+))?$/; // library, book, where the page of books begins
let hash = HOME;

/** Where the reader is, kept in the address, so that a reload and the back button come to it. */
function usePlace() {
  const [, library, book, start] = useSyncExternalStore(onMove, currentHash).match(PLACE);
  return { library: Number(library), book: Number(book), start: Number(start || 0) };
}

function currentHash() {
  const { hash: now } = location;
  if (!now) hash = HOME;
  else if (PLACE.test(now)) hash = now; // else it is a link within the page
  return hash;
}

function onMove(tell) {
  addEventListener("hashchange", tell);
  return () => removeEventListener("hashchange", tell);
}

function moveTo({ library, book, start }) {
  location.hash = [library, book, ...(start ? [start] : [])].join("/");
}

export function Library() {
  const place = usePlace();
  const { library, start } = place;
  const [all, missing, askAll] = useRead((signal) => askJson("/libraries", { signal }), "libraries");
  const [page, error, askPage] = useRead(
    (signal) => askJson(`/library/${library}?start=${start}`, { signal }),
    `${library} ${start}`,
  );
  const libraries = all?.libraries || [];
  const known = libraries.some((one) => one.id === library);
  const shown = page?.library.id === library ? page : null;

  useEffect(() => {
    if (!place.book && shown) document.title = `${shown.library.name} · cpkit demo`;
  }, [place.book, shown]);

  return (
    <>
      <section className="card half" aria-labelledby="browse">
        <h2 id="browse">Browse</h2>
        <label>
          Library
          <select
            value={known ? library : ""}
            onChange={(event) => moveTo({ library: event.target.value, book: 0 })}
          >
            {!known && <option value="">{all ? "choose a library" : "…"}</option>}
            {libraries.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
        {missing && <Failure error={missing} onRetry={askAll} />}
        {error && !missing && <Failure error={error} onRetry={askPage} />}
        {shown && <Books page={shown} place={place} busy={shown.start !== start && !error} />}
      </section>
      {place.book ? (
        <Holding key={`${library}/${place.book}`} path={`/library/${library}/book/${place.book}`} />
      ) : (
        <section className="card half">
          <h2>Choose a book</h2>
        </section>
      )}
    </>
  );
}

function Books({ page, place, busy }) {
  return (
    <>
      <ul className="list" aria-busy={busy} aria-label={`Books of ${page.library.name}`}>
        {page.books.map((book) => (
          <li key={book.id}>
            <button type="button" aria-current={book.id === place.book} onClick={() => moveTo({ ...place, book: book.id })}>
              <span lang={book.language}>{book.title}</span>
              <small>
                {book.author}, {book.year}
              </small>
            </button>
          </li>
        ))}
      </ul>
      <div className="pages">
        <Turn to={page.previous} place={place}>
          ← Earlier
        </Turn>
        <span role="status">
          {page.books.length ? `${page.start + 1}–${page.start + page.books.length}` : 0} of {page.total}
        </span>
        <Turn to={page.next} place={place}>
          Later →
        </Turn>
      </div>
    </>
  );
}

/** A button to another page; at the last one it stays where the focus is, and says that it does nothing. */
function Turn({ to, place, children }) {
  function turn() {
    if (to) moveTo({ ...place, start: Number(new URLSearchParams(to).get("start")) });
  }
  return (
    <button type="button" className="quiet" aria-disabled={!to} onClick={turn}>
      {children}
    </button>
  );
}
