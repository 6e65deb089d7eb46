// The cards of the tour: a form with data-try is sent by fetch, its answer shown below it.
import "./once.js";
import { drawTimings, parseTimings } from "./waterfall.js";

for (const hidden of document.querySelectorAll("[data-script]")) hidden.hidden = false;
for (const form of document.querySelectorAll("form[data-try]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    once(form, () => tryOut(form, event.submitter));
  });
}
document.querySelector("form[data-check]")?.addEventListener("submit", (event) => {
  event.preventDefault();
  once(event.target, () => check(event.target));
});

/** Run what a form is for, unless it is running. */
async function once(form, run) {
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  try {
    await run();
  } finally {
    form.ariaBusy = null;
  }
}

async function tryOut(form, button) {
  const asked = requestOf(form, button);
  const shown = outputOf(form);
  shown.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(asked.url, { ...asked, signal: AbortSignal.timeout(15_000) });
    show(shown, asked, response, await response.text());
  } catch (error) {
    const said = `${asked.method} ${asked.url}: the server could not be reached (${error.message}). Try again.`;
    shown.replaceChildren(line("p", said, "bad"));
  }
  shown.removeAttribute("aria-busy");
}
function requestOf(form, button) {
  const method = (
    button?.dataset.method || button?.getAttribute("formmethod") || form.getAttribute("method") || "get"
  ).toUpperCase();
  const fields = new URLSearchParams(button?.dataset.body ?? new FormData(form));
  const accept = form.querySelector("[data-accept]")?.value || "text/plain, */*;q=0.5";
  const path = form.getAttribute("action");
  const asked = { method, url: path, headers: { Accept: accept } };
  if (button?.dataset.json) {
    asked.headers["Content-Type"] = "application/json";
    asked.body = button.dataset.json;
  } else if (method === "GET") asked.url += String(fields) && `?${fields}`;
  else if (method !== "DELETE") asked.body = fields;
  return asked;
}

function outputOf(form) {
  const card = form.closest(".card");
  let shown = card.querySelector("output");
  if (!shown) {
    shown = document.createElement("output");
    shown.className = "answer";
    card.querySelector(".piece").before(shown);
  }
  return shown;
}

function show(shown, asked, response, text) {
  const type = (response.headers.get("Content-Type") || "nothing").split(";")[0];
  const said = `${asked.method} ${asked.url} → ${response.status} · ${type}`;
  const allow = response.status === 405 ? ` · Allow: ${response.headers.get("Allow")}` : "";
  const body = line("pre", text.length > 600 ? `${text.slice(0, 600)}…` : text);
  body.tabIndex = 0;
  shown.replaceChildren(line("p", said + allow, response.ok ? "good" : "bad"));
  if (text) shown.append(body);
  shown.append(drawTimings(parseTimings(response.headers.get("Server-Timing"))));
}

function line(tag, textContent, className = "") {
  return Object.assign(document.createElement(tag), { textContent, className });
}

const CLAIMS = [
  ["GET", "/hello", 200],
  ["GET", "/generate?length=16", 200],
  ["GET", "/generate?length=100", 400],
  ["GET", "/generate?length=-1", 400],
  ["GET", "/generate?length=abc", 400],
  ["PATCH", "/generator", 405],
  ["GET", "/library/12/book/15", 200],
  ["GET", "/library/12/book/16", 404],
  ["GET", "/library/twelve/book/15", 404],
  ["GET", "/healthz", 200],
];

async function check(form) {
  const list = document.createElement("ul");
  list.className = "claims";
  outputOf(form).replaceChildren(list);
  for (const [method, path, status] of CLAIMS) {
    // NOTE: with a body, if an empty one: a length must be told (RFC 9110, 8.6), or it is a 411.
    const asked = fetch(path, { method, body: method === "GET" ? undefined : "" });
    const found = await asked.then((response) => response.status, (error) => error.message);
    list.append(line("li", `${method} ${path} → ${found}`, found === status ? "good" : "bad"));
  }
}
