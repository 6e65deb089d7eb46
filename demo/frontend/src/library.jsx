import { use, useEffect, useState, useTransition } from "react";

import { askJson } from "./api.js";
import { Holding } from "./holding.jsx";

const libraries = askJson("/libraries");

/** Where the reader is, kept in the address, so that a reload comes back to it. */
function placeOf(hash) {
  const [, library, book] = hash.match(/^#(\d+)\/(\d+)$/) || [];
  return { library: Number(library || 12), book: Number(book || 15) };
}

export function Library() {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  const [page, setPage] = useState(null);
  const [error, setError] = useState(null);
  const [pending, startTransition] = useTransition();
  const all = use(libraries).libraries;

  useEffect(() => {
    history.replaceState(null, "", `#${place.library}/${place.book}`);
  }, [place]);

  function turn(library, query = "") {
    startTransition(async () => {
      try {
        setPage(await askJson(`/library/${library}${query}`));
        setError(null);
      } catch (problem) {
        setError(problem);
      }
    });
  }

  useEffect(() => turn(place.library), [place.library]);

  function choose(event) {
    setPlace({ library: Number(event.target.value), book: 0 });
  }

  return (
    <>
      <section className="card half" aria-labelledby="browse">
        <h2 id="browse">Browse</h2>
        <label>
          Library
          <select value={place.library} onChange={choose}>
            {all.map((library) => (
              <option key={library.id} value={library.id}>
                {library.name}
              </option>
            ))}
          </select>
        </label>
        {error && <p role="alert" className="bad">{error.message}</p>}
        {page && <Books page={page} place={place} pending={pending} onTurn={turn} onChoose={setPlace} />}
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

function Books({ page, place, pending, onTurn, onChoose }) {
  const library = page.library.id;
  return (
    <>
      <ul className="list" aria-busy={pending} aria-label={`Books of ${page.library.name}`}>
        {page.books.map((book) => (
          <li key={book.id}>
            <button
              type="button"
              aria-current={library === place.library && book.id === place.book}
              onClick={() => onChoose({ library, book: book.id })}
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
