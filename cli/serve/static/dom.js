// What every script of the pages needs.

export const find = (selector, root = document) => root.querySelector(selector);
export const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];

// An element with a class and a text.
export function element(name, className, text) {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

// Say something to a screen reader, but not twice in a row.
export function tell(text) {
  const told = find("#told");
  if (told.textContent !== text) told.textContent = text;
}

// Put the focus where reading begins; returns the heading.
export function beginReading() {
  const heading = find("#main h1") ?? find("#main");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  return heading;
}

const NO_TEXT = ["checkbox", "radio", "range", "file", "submit", "button"];

// Whether letters that are typed go into this element.
export function isField(each) {
  return Boolean(each?.matches("textarea, select, input")) && !NO_TEXT.includes(each.type);
}

// Where a link leads; also one of a drawing, whose `href` is no text.
export function addressOf(link) {
  return new URL(link.getAttribute("href"), location.href).href;
}
