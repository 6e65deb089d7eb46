// What a page without an application of its own does: it sends a form once, and draws its own timing.
import "./once.js";
import { drawTimings, parseEntries } from "./waterfall.js";

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.ariaBusy === "true") event.preventDefault(); // it is under way
    form.ariaBusy = "true";
  });
}
// A page that the back button brings is as it was left.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) form.ariaBusy = null;
});

const timing = document.querySelector("#timing");
const [navigation] = performance.getEntriesByType("navigation");
timing?.replaceChildren(drawTimings(parseEntries(navigation.serverTiming)));
