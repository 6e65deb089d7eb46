// Chapter 8: generate, replace and delete the string, without a reload.
const generate = document.querySelector("#generate");
const replace = document.querySelector("#replace");
const said = document.querySelector("#said");

generate.addEventListener("submit", (event) => {
  event.preventDefault();
  send("POST", new FormData(generate));
});
replace.addEventListener("submit", (event) => {
  event.preventDefault();
  send("PUT", new FormData(replace));
});
document.querySelector("#delete").addEventListener("click", () => send("DELETE"));

async function send(method, fields) {
  const asked = { method, headers: { Accept: "application/json" } };
  if (fields) asked.body = new URLSearchParams(fields);
  try {
    const response = await fetch("/generator", asked);
    const text = await response.text();
    if (response.ok) show(text ? JSON.parse(text).string : undefined);
    say(method, response, text);
  } catch (error) {
    said.textContent = `The server could not be reached: ${error.message}`;
  }
}

function show(string) {
  replace.hidden = string === undefined;
  replace.elements.another_string.value = string ?? "";
}

function say(method, response, text) {
  const done = { POST: "Generated.", PUT: "Replaced.", DELETE: "Deleted." };
  said.textContent = response.ok ? done[method] : refusalIn(text);
  said.className = response.ok ? "" : "bad";
}

// The application tells errors in JSON; the server below it, of what is too large, in plain text.
function refusalIn(text) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return text;
  }
}
