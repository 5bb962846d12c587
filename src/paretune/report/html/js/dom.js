/** Making elements. Text is set as text, never as markup. */

export const byId = (id) => document.getElementById(id);

/** Return a new element with properties (`dataset` and `aria...` too) and children, which are elements or text. */
export const element = (tag, properties = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "dataset") Object.assign(made.dataset, value);
    else if (name.startsWith("aria-") || name === "role" || name === "for" || name === "list") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
};

export const option = (value, text, selected = false) => element("option", { value, selected }, text);

/** Offer text as a file to save. */
export const save = (name, kind, text) => {
  const address = URL.createObjectURL(new Blob([text], { type: `${kind};charset=utf-8` }));
  const link = element("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
};

/** Call a function once after the last of many calls in quick succession. */
export const later = (call, milliseconds) => {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), milliseconds);
  };
};

/** Call a function once after what changed is painted, however often it is asked for until then. */
export const afterPaint = (call) => {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() =>
      setTimeout(() => {
        waits = false;
        call();
      }),
    );
  };
};
