// All requests of the application. An error is the server's own, shown as it came.

const PATIENCE = 15_000; // milliseconds

export class ServerError extends Error {
  constructor(problem, status) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.fields = (problem.errors || []).map(({ name }) => name);
  }
}

/** What went wrong in words; there is no status where there was no answer. */
export function told({ status, message, name }) {
  if (name === "SyntaxError") return "The answer did not come whole. Try again.";
  return status ? `${status}: ${message}` : `The server could not be reached: ${message}`;
}

export async function ask(path, { method = "GET", fields, accept = "application/json", tag, signal } = {}) {
  const headers = { Accept: accept };
  if (tag) headers["If-Match"] = tag; // what another window has written is not lost
  const late = AbortSignal.timeout(PATIENCE);
  const asked = { method, headers, signal: signal ? AbortSignal.any([signal, late]) : late };
  if (fields) asked.body = new URLSearchParams(fields);
  const response = await fetch(path, asked);
  if (!response.ok) throw new ServerError(await problemOf(response), response.status);
  return response;
}

/** Return the document, and the ETag by which to change it. */
export async function askTagged(path, options) {
  const response = await ask(path, options);
  return { data: response.status === 204 ? {} : await response.json(), tag: response.headers.get("ETag") };
}

export async function askJson(path, options) {
  return (await askTagged(path, options)).data;
}

async function problemOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { detail: text };
  }
}
