// The review page: further clips by the arrows, names that complete, and linking that goes on.

import { addressOf, element, find, findAll } from "./dom.js";
import { play } from "./sound.js";
import { visit } from "./page.js";

// --- Clips of the voice, one after the other ---------------------------------------------------

let heard = 0; // the place of the clip that was played last

function step(by) {
  const clips = findAll(".voice-clips a.clip");
  if (clips.length === 0) return;
  heard = (heard + by + clips.length) % clips.length;
  play(clips[heard]);
  clips[heard].scrollIntoView({ block: "nearest" });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-step]");
  if (button) step(Number(button.dataset.step));
  const clip = event.target.closest?.(".voice-clips a.clip");
  if (clip) heard = findAll(".voice-clips a.clip").indexOf(clip);
});

// --- Names that complete: the ARIA pattern of an editable combobox with a list ------------------

let asked = 0;
let offered = Promise.resolve(); // until the names that fit what was typed are there
let acted = Promise.resolve(); // until the keys that were pressed since have done what they do

function offer(field) {
  offered = propose(field, ++asked);
  return offered;
}

async function propose(field, turn) {
  const start = field.value.trim();
  const near = findAll("[data-near]").map((each) => each.dataset.near);
  const names = start === "" ? near : await matching(start).catch(() => []);
  if (turn === asked && document.activeElement === field) open(field, names);
}

async function matching(start) {
  const answer = await fetch(`${find("[data-names]").dataset.names}?start=${encodeURIComponent(start)}`);
  return answer.ok ? answer.json() : [];
}

function open(field, names) {
  const list = document.getElementById(field.getAttribute("aria-controls"));
  list.replaceChildren(...names.map((name, place) => {
    const option = element("li", "option", name);
    Object.assign(option, { id: `${list.id}-${place}`, role: "option" });
    option.setAttribute("aria-selected", "false");
    return option;
  }));
  list.hidden = names.length === 0;
  field.setAttribute("aria-expanded", String(!list.hidden));
  field.removeAttribute("aria-activedescendant");
  const typed = field.value.trim().toLowerCase();
  const same = [...list.children].find((each) => each.textContent.toLowerCase() === typed);
  if (same) choose(field, list, same);
}

function close(field) {
  asked += 1;
  open(field, []);
}

const chosen = (list) => find("[aria-selected=true]", list);

function choose(field, list, option) {
  chosen(list)?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  if (option) field.setAttribute("aria-activedescendant", option.id);
  option?.scrollIntoView({ block: "nearest" });
}

function take(field, option) {
  field.value = option.textContent;
  close(field);
  field.form.requestSubmit();
}

function pressed(event) {
  const field = event.target;
  if (!field.matches?.("[role=combobox]") || event.isComposing) return;
  const list = document.getElementById(field.getAttribute("aria-controls"));
  if (event.key === "Escape" && !list.hidden) {
    event.preventDefault();
    close(field);
  } else if (["Enter", "ArrowDown", "ArrowUp"].includes(event.key)) {
    // Whoever is fast has pressed it for the names that are still on their way.
    event.preventDefault();
    acted = acted.then(() => offered).then(() => act(field, list, event.key));
  }
}

async function act(field, list, key) {
  if (document.activeElement !== field) return;
  if (key === "Enter") return chosen(list) ? take(field, chosen(list)) : field.form.requestSubmit();
  if (list.hidden) await offer(field);
  const options = [...list.children];
  const place = options.indexOf(chosen(list));
  const next = key === "ArrowDown" ? place + 1 : (place < 0 ? options.length : place) - 1;
  choose(field, list, options[(next + options.length) % options.length]);
}

document.addEventListener("keydown", pressed, { capture: true });
const fields = { input: offer, focusin: offer, focusout: close };
for (const [name, act] of Object.entries(fields)) {
  document.addEventListener(name, (event) => {
    if (event.target.matches?.("[role=combobox]")) act(event.target);
  });
}
// Before the field loses the focus, and the list is gone.
document.addEventListener("pointerdown", (event) => {
  const option = event.target.closest?.("[role=option]");
  if (!option) return;
  event.preventDefault();
  take(find(`[aria-controls="${option.parentElement.id}"]`), option);
});

// --- Where consent is documented: kept for a card that was fetched before it was said -----------

let consent = "";

document.addEventListener("submit", (event) => {
  consent = find("[name=consent]", event.target)?.value || consent;
}, { capture: true });

function fillIn(field) {
  if (field && field.value === "") field.value = field.defaultValue = consent;
}

// --- While voices are linked, look again now and then -------------------------------------------

function begin() {
  heard = 0;
  fillIn(find("#consent"));
  const again = find("#main [data-again]");
  if (!again) return;
  setTimeout(() => again.isConnected && visit(location.href), 1000 * Number(again.dataset.again));
}

document.addEventListener("page", begin);
begin();
