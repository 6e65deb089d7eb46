// All requests of the application. An error is the server's own, shown as it came.

export class ServerError extends Error {
  constructor(problem, status) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
  }
}

/** What went wrong in words; there is no status where there was no answer. */
export function told({ status, message }) {
  return status ? `${status}: ${message}` : `The server could not be reached: ${message}`;
}

export async function ask(path, { method = "GET", fields, accept = "application/json" } = {}) {
  const asked = { method, headers: { Accept: accept } };
  if (fields) asked.body = new URLSearchParams(fields);
  const response = await fetch(path, asked);
  if (!response.ok) throw new ServerError(await problemOf(response), response.status);
  return response;
}

export async function askJson(path, options) {
  const response = await ask(path, options);
  return response.status === 204 ? {} : response.json();
}

async function problemOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { detail: text };
  }
}
