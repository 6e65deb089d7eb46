// Chapter 8: generate, replace and delete the string, without a reload.
import "./once.js";

const generate = document.querySelector("#generate");
const replace = document.querySelector("#replace");
const remove = document.querySelector("#delete");
const said = document.querySelector("#said");
let tag = replace.dataset.tag; // of the string that is shown: what another window wrote is not lost
let busy = false;
replace.hidden = !tag; // without scripts it stays hidden: a form sends no PUT

generate.addEventListener("submit", (event) => {
  event.preventDefault();
  send("POST", generate, event.submitter);
});
replace.addEventListener("submit", (event) => {
  event.preventDefault();
  send("PUT", replace, event.submitter);
});
remove.addEventListener("click", () => send("DELETE", null, remove));

async function send(method, form, button) {
  if (busy) return;
  busy = true;
  button?.setAttribute("aria-disabled", "true"); // a button that is disabled would lose the focus
  say("…");
  try {
    const headers = { Accept: "application/json" };
    if (method === "PUT" && tag) headers["If-Match"] = tag;
    const body = form ? new URLSearchParams(new FormData(form)) : undefined;
    const response = await fetch("/generator", { method, headers, body, signal: AbortSignal.timeout(15_000) });
    const text = await response.text();
    if (response.ok) show(response, text);
    else if (response.status === 412) await lookAgain();
    say(...told(method, response, text, form));
  } catch (error) {
    const reason = error.name === "SyntaxError" ? "The answer did not come whole" : "The server could not be reached";
    say(`${reason}: ${error.message}. Nothing is lost: try again.`, true);
  } finally {
    busy = false;
    button?.removeAttribute("aria-disabled");
  }
}

function show(response, text) {
  const string = text ? JSON.parse(text).string : undefined;
  tag = response.headers.get("ETag");
  replace.elements.another_string.value = string ?? "";
  replace.hidden = string === undefined;
  if (replace.hidden) generate.querySelector("button").focus(); // the pressed button is gone
}

/** Take note of the version that there is now; what the reader has written stays. */
async function lookAgain() {
  const response = await fetch("/generator", { headers: { Accept: "application/json" } });
  tag = response.headers.get("ETag");
}

function told(method, response, text, form) {
  for (const input of form?.querySelectorAll("input") ?? []) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
  if (response.ok) return [{ POST: "Generated.", PUT: "Replaced.", DELETE: "Deleted." }[method]];
  const problem = problemIn(text);
  for (const { name } of problem.errors ?? []) {
    const input = form?.elements.namedItem(name); // elements.length is a number
    input?.setAttribute("aria-invalid", "true");
    input?.setAttribute("aria-describedby", "said");
  }
  return [problem.detail, true];
}

// The application tells errors in JSON; the server below it, of what is too large, in plain text.
function problemIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { detail: text };
  }
}

function say(text, bad = false) {
  said.textContent = text;
  said.className = bad ? "bad" : "";
}
