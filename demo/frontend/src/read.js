import { useCallback, useEffect, useState } from "react";

/**
 * What *load* reads, anew for each *key*: [data, error, again]. The last answer that was good stays until there is
 * another; one that comes too late is dropped. Read again when the browser is back online.
 */
export function useRead(load, key) {
  const [state, setState] = useState({});
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((number) => number + 1), []);

  useEffect(() => {
    const stopping = new AbortController();
    const set = (found) => stopping.signal.aborted || setState((past) => ({ data: past.data, ...found }));
    load(stopping.signal).then(
      (data) => set({ data, error: undefined }),
      (error) => set({ error }),
    );
    return () => stopping.abort();
  }, [key, turn]);

  useEffect(() => {
    addEventListener("online", again);
    return () => removeEventListener("online", again);
  }, [again]);

  return [state.data, state.error, again];
}
