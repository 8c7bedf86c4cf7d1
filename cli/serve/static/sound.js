// Sound: one for all clips, which goes on while pages change.

import { addressOf, element, find, findAll, tell } from "./dom.js";

export const sound = new Audio();
const MOST_CLIPS = 12;
const clips = new Map(); // address -> promise of the address of its bytes
let playing = ""; // the address of the clip that plays, or will

// Fetch a clip, to have it when it is played. Rejects with a sentence.
export function load(address) {
  if (!clips.has(address)) {
    const clip = fetched(address);
    clips.set(address, clip);
    clip.catch(() => clips.delete(address));
    if (clips.size > MOST_CLIPS) forget(clips.keys().next().value);
  }
  return clips.get(address);
}

function forget(address) {
  clips.get(address).then(URL.revokeObjectURL, () => {});
  clips.delete(address);
}

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await sentence(answer));
  return URL.createObjectURL(await answer.blob());
}

async function sentence(answer) {
  const text = await answer.text();
  const type = answer.headers.get("Content-Type") ?? "";
  if (type.includes("json")) return JSON.parse(text).detail ?? answer.statusText;
  if (!type.includes("html")) return text || answer.statusText;
  const page = new DOMParser().parseFromString(text, "text/html");
  return find("main h1 ~ p", page)?.textContent ?? answer.statusText;
}

// Play the clip that a link leads to, instead of what plays now.
export async function play(link) {
  const address = addressOf(link);
  sound.pause();
  playing = address;
  show("loading");
  try {
    const bytes = await load(address);
    if (playing !== address) return;
    sound.src = bytes;
    await sound.play();
  } catch (error) {
    if (playing === address && error.name !== "AbortError") unheard(address, error);
  }
}

export function stop() {
  sound.pause();
  playing = "";
  show("");
}

export function toggle(link) {
  if (addressOf(link) === playing) stop();
  else play(link);
}

// After a page has changed: go on if the clip is there, too.
export function goOn() {
  if (linksTo(playing).length === 0) stop();
  else show(sound.paused ? "loading" : "playing");
}

// The browser allows no sound before the first key or click, or the clip cannot be cut.
function unheard(address, error) {
  stop();
  const isForbidden = error.name === "NotAllowedError";
  const isTouched = matchMedia("(pointer: coarse)").matches;
  const text = isForbidden ? `${isTouched ? "Tap" : "Press space"} to listen` : error.message;
  const [link] = linksTo(address);
  if (!link) return;
  link.dataset.state = isForbidden ? "waiting" : "failed";
  if (!isForbidden) (link.closest("svg") ?? link).after(element("span", "clip-told", text));
  else retitle(link, text);
  tell(text);
}

// Show another text on a link, or its own again.
function retitle(link, text) {
  const shown = find(".clip-text", link);
  if (!shown) return;
  link.dataset.own ??= shown.textContent;
  shown.textContent = text ?? link.dataset.own;
}

const linksTo = (address) => findAll("a.clip").filter((link) => addressOf(link) === address);

// Show which clip plays now, and on no other link that it does.
function show(state) {
  for (const link of findAll("a.clip")) {
    const is = playing !== "" && addressOf(link) === playing;
    if (is && link.nextElementSibling?.matches(".clip-told")) link.nextElementSibling.remove();
    link.setAttribute("role", "button");
    link.setAttribute("aria-pressed", String(is));
    if (is && link.dataset.own) retitle(link);
    if (is) link.dataset.state = state;
    else if (["playing", "loading"].includes(link.dataset.state)) delete link.dataset.state;
    link.style.setProperty("--played", "0%");
  }
  showPart();
}

function showPart() {
  if (!playing || sound.paused) return;
  const part = `${(100 * sound.currentTime) / (sound.duration || 1)}%`;
  for (const link of findAll("a.clip[data-state=playing]")) link.style.setProperty("--played", part);
}

sound.addEventListener("playing", () => show("playing"));
sound.addEventListener("timeupdate", showPart);
sound.addEventListener("ended", stop);
