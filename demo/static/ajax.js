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
    const answer = response.status === 204 ? {} : await response.json();
    if (response.ok) show(answer.string);
    say(method, response, answer);
  } catch (error) {
    said.textContent = `The server could not be reached: ${error.message}`;
  }
}

function show(string) {
  replace.hidden = string === undefined;
  replace.elements.another_string.value = string ?? "";
}

function say(method, response, answer) {
  const done = { POST: "Generated.", PUT: "Replaced.", DELETE: "Deleted." };
  said.textContent = response.ok ? done[method] : answer.detail;
  said.className = response.ok ? "" : "bad";
}
