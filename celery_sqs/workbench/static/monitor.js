// The workbench does without this: it only keeps pages fresh and knows some keys.
"use strict";

const body = document.body;
const GO = { o: "overview", s: "search", q: "queues", d: "dlq", a: "repairs" };
const GO_WITHIN = 1500; // ms between g and the second key

// Live pages. The server says how often; what changes is marked by data-live.

const every = Number(body.dataset.refresh || 0) * 1000;
const sign = document.querySelector(".live");

function isUsed(element) {
  return element.contains(document.activeElement) || element.querySelector("details[open]");
}

function idOf(element) {
  return element.id;
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (answer.redirected) return location.reload(); // signed out meanwhile
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [here, there] = [document, fresh].map((page) => [...page.querySelectorAll("[data-live]")]);
  if (String(here.map(idOf)) !== String(there.map(idOf))) {
    document.getElementById("content").replaceChildren(...fresh.getElementById("content").childNodes);
  } else {
    here.forEach((element, number) => isUsed(element) || element.replaceChildren(...there[number].childNodes));
  }
  if (!fresh.body.dataset.refresh) delete body.dataset.refresh;
}

async function keepFresh() {
  if (!body.dataset.refresh) return;
  if (!document.hidden) {
    try {
      await refresh();
      sign?.classList.replace("off", "on");
    } catch {
      sign?.classList.replace("on", "off");
    }
  }
  setTimeout(keepFresh, every);
}

if (every) {
  sign?.classList.add("on");
  setTimeout(keepFresh, every);
}

// Keys. None of them acts on anything; forms are for that.

const help = document.getElementById("keys");
let wentAt = 0;

function isTyping(target) {
  return target.matches("input, textarea, select, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
    if (event.key === "Escape" && isTyping(event.target)) event.target.blur();
    return;
  }
  const second = event.timeStamp - wentAt < GO_WITHIN;
  wentAt = 0;
  if (second && GO[event.key]) {
    document.querySelector(`[data-go="${GO[event.key]}"]`)?.click();
  } else if (event.key === "g") {
    wentAt = event.timeStamp;
  } else if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search")?.select();
    document.getElementById("search")?.focus();
  } else if (event.key === "?") {
    help?.showModal();
  }
});

document.getElementById("show-keys")?.addEventListener("click", () => help?.showModal());

// A form is sent once, however often its button is pressed. (Coming back to the page, it works again.)

document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  else if (event.target.method === "post") event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => document.querySelectorAll("form").forEach((form) => delete form.dataset.sent));
