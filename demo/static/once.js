// The second click of a double click sends no form again: the first may have been answered by then.
addEventListener(
  "click",
  (event) => {
    if (event.detail > 1 && event.target.closest("form button:not([type=button])")) event.preventDefault();
  },
  true,
);
