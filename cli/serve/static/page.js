// Pages without reloading: links and forms change <main>, the title and the address. Everything
// works without this file, too.
//
// For a page's own script: it runs once, and `document` gets the event "page" whenever another
// page is shown. It may import from dom.js, sound.js, and `visit` from here.

import { addressOf, beginReading, element, find, findAll, isField, tell } from "./dom.js";
import { goOn, load, play, toggle } from "./sound.js";
import "./keys.js";

let latest = 0; // of what was asked for, only the latest is shown
let ahead = null; // {address, page}: the page that is probably next
let sent = Promise.resolve(); // forms are sent one after the other
let unanswered = 0;

// The page at an address. Rejects if that is not a page of ours, or nobody answers.
async function ask(address, options = {}) {
  const headers = { Accept: "text/html", ...options.headers };
  const answer = await fetch(address, { ...options, headers });
  const isHtml = (answer.headers.get("Content-Type") ?? "").startsWith("text/html");
  const page = isHtml && new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!page || !find("#main", page)) throw new Error("not a page of ours");
  const isHere = options.method === "POST" && !answer.redirected;
  return { address: isHere ? location.href : answer.url, page };
}

export async function visit(address, { isBack = false } = {}) {
  const turn = ++latest;
  wait();
  try {
    const found = ahead?.address === address ? ahead : await ask(address);
    if (turn === latest) await show(found, { isBack });
  } catch {
    location.assign(address);
  }
}

// Send a form. One with data-quick shows the page that comes next before it is answered.
async function send(form, submitter) {
  const body = new URLSearchParams(new FormData(form, submitter));
  const address = action(form, submitter);
  const next = "quick" in form.dataset && unanswered === 0 ? ahead : null;
  const turn = ++latest;
  unanswered += 1;
  const asked = sent.then(() => ask(address, { method: "POST", body }));
  sent = asked.catch(() => {});
  if (next) await showAhead(next, form.dataset.quick);
  else wait();
  try {
    const answer = await asked.finally(() => (unanswered -= 1));
    if (turn === latest && !(next && isBusy())) await show(answer, { isRefresh: Boolean(next) });
    else await hear(answer);
  } catch {
    sendPlainly(form, submitter);
  }
}

// The properties of a form may be its fields, if these are called so.
function action(form, submitter) {
  const asked = submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  return new URL(asked ?? location.href, location.href).href;
}

// Show the next page, and that the form of the last one is still on its way.
async function showAhead(next, text) {
  const told = find(".messages");
  await show(next, {});
  if (text) told.replaceChildren(element("p", "message", text));
  find(".messages").replaceWith(told);
}

// Only say what an answer says: something else was begun meanwhile.
async function hear(answer) {
  replace(".messages", answer.page);
  tell(messages());
  if (unanswered === 0) await lookAhead();
}

function sendPlainly(form, submitter) {
  form.dataset.plain = "";
  if (!form.isConnected) document.body.append(form);
  form.requestSubmit(submitter?.form === form ? submitter : null);
}

// Whether something was begun on this page that another one would take away.
function isBusy() {
  const fields = findAll("#main input, #main textarea");
  const isOpen = find("#main details[open], dialog[open]") !== null;
  const isChanged = fields.some((each) => each.value !== each.defaultValue);
  return isOpen || isChanged || isField(document.activeElement);
}

async function show({ address, page }, { isBack = false, isRefresh = false }) {
  await useStyles(page);
  const isSame = address === location.href;
  if (!isBack) remember(address, isSame);
  const before = isSame ? findAll("#main a.clip[data-autoplay]").map(addressOf) : [];
  document.title = page.title;
  replace("body > header", page);
  replace("#main", page);
  delete document.documentElement.dataset.loading;
  settle(!isRefresh);
  start(before);
  document.dispatchEvent(new Event("page"));
  for (const { src } of findAll("head script[src]", page)) import(new URL(src, address).href);
}

function remember(address, isSame) {
  history.replaceState({ y: scrollY }, "");
  if (!isSame) history.pushState({ y: 0 }, "", address);
}

function replace(selector, page) {
  find(selector).replaceWith(document.importNode(find(selector, page), true));
}

// Put focus and scroll where they belong on a page that was just shown.
function settle(isNew) {
  const heading = beginReading();
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target) target.scrollIntoView();
  else scrollTo(0, history.state?.y ?? 0);
  if (isNew || messages()) tell(messages() || heading.textContent.trim());
}

const messages = () => findAll(".messages p").map((each) => each.textContent).join(" ");

// Play what is to be played at once, unless it has been: `before` has the addresses.
function start(before = []) {
  goOn();
  const best = find("#main a.clip[data-autoplay]");
  if (best && !before.includes(addressOf(best))) play(best);
  if (unanswered === 0) lookAhead();
}

// Fetch the page that data-next names, and the clip that it plays at once.
async function lookAhead() {
  const next = find("#main [data-next]")?.dataset.next;
  ahead = null;
  if (!next) return;
  try {
    const found = await ask(next, { headers: { Purpose: "prefetch" } });
    if (find("#main [data-next]")?.dataset.next !== next) return;
    ahead = found;
    const clip = find("#main a.clip[data-autoplay]", found.page);
    if (clip) await load(new URL(clip.getAttribute("href"), found.address).href);
  } catch {
    // It is fetched again when it is needed, and then says what is wrong.
  }
}

// A page brings its own styles in its head.
function useStyles(page) {
  const sheets = "head link[rel=stylesheet]";
  const wanted = findAll(sheets, page).map((each) => each.getAttribute("href"));
  const there = new Map(findAll(sheets).map((each) => [each.getAttribute("href"), each]));
  for (const [href, sheet] of there) sheet.disabled = !wanted.includes(href);
  return Promise.all(wanted.filter((href) => !there.has(href)).map((href) => new Promise((done) => {
    const link = Object.assign(element("link", "", ""), { rel: "stylesheet", href });
    link.onload = link.onerror = done;
    document.head.append(link);
  })));
}

// Show after a moment that something is on its way.
const wait = () => (document.documentElement.dataset.loading = "");

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  const isPlain = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button;
  if (!link || event.defaultPrevented || isPlain) return;
  if (link.matches("[target], [download], [data-plain]")) return;
  const address = addressOf(link);
  const isClip = link.matches(".clip");
  const isWithin = address.includes("#") && address.split("#")[0] === location.href.split("#")[0];
  if (!address.startsWith(`${location.origin}/`) || (isWithin && !isClip)) return;
  event.preventDefault();
  if (isClip) toggle(link);
  else visit(address);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const method = form.getAttribute("method") ?? "get";
  if (event.defaultPrevented || method === "dialog") return;
  if (form.matches("[data-plain], [enctype], [target]")) return;
  event.preventDefault();
  if (method === "post") return send(form, event.submitter);
  const address = new URL(action(form, event.submitter));
  address.search = new URLSearchParams(new FormData(form, event.submitter));
  visit(address.href);
});

addEventListener("popstate", () => visit(location.href, { isBack: true }));
history.scrollRestoration = "manual";
tell(messages());
start();
