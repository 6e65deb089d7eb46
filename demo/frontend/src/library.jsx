import { use, useEffect, useState, useSyncExternalStore, useTransition } from "react";

import { askJson, told } from "./api.js";
import { Holding } from "./holding.jsx";

// NOTE: what a promise throws takes the page away; an error is to be shown on it.
const libraries = askJson("/libraries").catch((error) => ({ libraries: [], error }));

const HOME = "#12/15";
const PLACE = /^#(\d+)\/(\d+)$/;
let hash = HOME;

/** Where the reader is, kept in the address, so that a reload and the back button come to it. */
function usePlace() {
  const [, library, book] = useSyncExternalStore(onMove, currentHash).match(PLACE);
  return { library: Number(library), book: Number(book) };
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

function moveTo(library, book) {
  location.hash = `${library}/${book}`;
}

export function Library() {
  const place = usePlace();
  const [page, setPage] = useState(null);
  const [error, setError] = useState(null);
  const [pending, startTransition] = useTransition();
  const { libraries: all, error: missing } = use(libraries);

  function turn(library, query = "") {
    startTransition(async () => {
      try {
        setPage(await askJson(`/library/${library}${query}`));
        setError(null);
      } catch (problem) {
        setPage(null);
        setError(problem);
      }
    });
  }

  useEffect(() => turn(place.library), [place.library]);

  return (
    <>
      <section className="card half" aria-labelledby="browse">
        <h2 id="browse">Browse</h2>
        <label>
          Library
          <select value={place.library} onChange={(event) => moveTo(event.target.value, 0)}>
            {all.map((library) => (
              <option key={library.id} value={library.id}>
                {library.name}
              </option>
            ))}
          </select>
        </label>
        {(missing || error) && <p role="alert" className="bad">{told(missing || error)}</p>}
        {page && <Books page={page} place={place} pending={pending} onTurn={turn} />}
      </section>
      {place.book ? (
        <Holding key={`${place.library}/${place.book}`} path={`/library/${place.library}/book/${place.book}`} />
      ) : (
        <section className="card half">
          <h2>Choose a book</h2>
        </section>
      )}
    </>
  );
}

function Books({ page, place, pending, onTurn }) {
  const library = page.library.id;
  return (
    <>
      <ul className="list" aria-busy={pending} aria-label={`Books of ${page.library.name}`}>
        {page.books.map((book) => (
          <li key={book.id}>
            <button
              type="button"
              aria-current={library === place.library && book.id === place.book}
              onClick={() => moveTo(library, book.id)}
            >
              <span lang={book.language}>{book.title}</span>
              <small>
                {book.author}, {book.year}
              </small>
            </button>
          </li>
        ))}
      </ul>
      <p className="pages">
        <button type="button" className="quiet" disabled={!page.previous} onClick={() => onTurn(library, page.previous)}>
          ← Earlier
        </button>
        <span>
          {page.start + 1}–{page.start + page.books.length} of {page.total}
        </span>
        <button type="button" className="quiet" disabled={!page.next} onClick={() => onTurn(library, page.next)}>
          Later →
        </button>
      </p>
    </>
  );
}
