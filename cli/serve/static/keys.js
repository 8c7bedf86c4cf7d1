// Keys: an element with data-key is clicked by it, or entered if it is a field.

import { beginReading, element, find, findAll, isField } from "./dom.js";

const NAMES = { " ": "space", ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓" };
const INSIDE = "dialog[open], details[open] > :not(summary)";

function usable() {
  const root = find("dialog[open]") ?? document;
  return findAll("[data-key]", root).filter((each) => !each.disabled && each.checkVisibility());
}

// What a key means: first in what was opened.
function meant(key) {
  const able = usable().filter((each) => each.dataset.key === key);
  return able.find((each) => each.closest(INSIDE)) ?? able[0];
}

function pressed(event) {
  const at = document.activeElement;
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.defaultPrevented) return;
  if (event.key === "Escape") return leave(at);
  if (isField(at) || isOwn(at, event.key)) return;
  const found = event.key === " " && at.matches("a.clip") ? at : meant(event.key);
  if (!found && event.key !== "?") return;
  event.preventDefault();
  if (event.repeat) return;
  if (!found) help();
  else if (isField(found)) enter(found);
  else found.click();
}

function enter(field) {
  field.focus();
  field.select?.();
}

// Whether the element that has the focus does something of its own with a key.
function isOwn(at, key) {
  if (key === "Enter") return at.matches("a[href], button, summary, input");
  return key === " " && at.matches("a[href]:not(.clip), button, summary, input");
}

function leave(at) {
  const open = at.closest("#main details[open]") ?? find("#main details[open]");
  if (isField(at)) at.blur();
  if (open) open.open = false;
  if (document.activeElement === document.body) beginReading();
}

// A list of the keys of this page.
function help() {
  const rows = usable().map((each) => [NAMES[each.dataset.key] ?? each.dataset.key, says(each)]);
  rows.push(["Esc", "Leave a field, or close what is open"], ["?", "Show these keys"]);
  find("#keys dl").replaceChildren(...rows.flatMap(([key, text]) => {
    const name = element("dt", "", "");
    name.append(element("kbd", "", key));
    return [name, element("dd", "", text)];
  }));
  find("#keys").showModal();
}

function says(each) {
  const copy = each.cloneNode(true);
  findAll("kbd", copy).forEach((kbd) => kbd.remove());
  const label = each.getAttribute("aria-label") ?? each.labels?.[0]?.textContent;
  return each.dataset.says ?? label ?? copy.textContent.trim();
}

document.addEventListener("keydown", pressed);
document.addEventListener("click", (event) => event.target.closest?.("#help") && help());
