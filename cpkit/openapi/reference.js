"use strict";
const field = document.getElementById("search-field"), found = document.getElementById("search-found");
const entries = [...document.querySelectorAll("main details")];
const texts = new Map(entries.map(entry => [entry, entry.textContent.toLowerCase()]));
function show() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const entry of entries) {
    entry.hidden = !words.every(word => texts.get(entry).includes(word));
    if (!entry.hidden && entry.classList.contains("operation")) count += 1;
  }
  for (const section of document.querySelectorAll("main section"))
    section.hidden = [...section.querySelectorAll("details")].every(entry => entry.hidden);
  found.textContent = words.length ? (count === 1 ? "1 operation" : `${count} operations`) : "";
}
function open() {
  let name = location.hash.slice(1);
  try { name = decodeURIComponent(name); } catch { /* it is no escape: the name as it stands */ }
  const entry = document.getElementById(name);
  if (entry instanceof HTMLDetailsElement) { entry.hidden = false; entry.open = true; entry.scrollIntoView(); }
}
field.addEventListener("input", show);
field.addEventListener("keydown", event => { if (event.key === "Escape") { field.value = ""; show(); } });
document.addEventListener("keydown", event => {
  if (event.key === "/" && document.activeElement !== field) { event.preventDefault(); field.focus(); }
});
addEventListener("hashchange", open);
show();
open();
