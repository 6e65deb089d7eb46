import { startTransition } from "react";

/** Submit a form to a function. React resets a form after its action: what is refused would be lost. */
export function submitting(send) {
  return (event) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    startTransition(() => send(fields));
  };
}
