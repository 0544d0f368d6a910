/* What pages do beyond HTML: copy, times of the reader's zone, waiting. All of it can be missing. */
"use strict";

(() => {
  const root = document.documentElement;

  // --- Light and dark: Bootstrap wants a word where the system decides. The colours know already.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => { root.dataset.bsTheme = dark.matches ? "dark" : "light"; };
  if (!root.dataset.bsTheme) {
    follow();
    dark.addEventListener("change", follow);
  }

  // --- Copy: <button class="copy" data-copy="text"> or data-copy-from="id of an element".
  const status = document.getElementById("announcements");

  async function copy(button) {
    const source = document.getElementById(button.dataset.copyFrom);
    const text = button.dataset.copy ?? (source ? source.value ?? source.textContent : "");
    const isCopied = await write(text);
    say(button, isCopied ? "Copied" : "Press Ctrl-C", isCopied);
  }

  async function write(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return writeByCommand(text); // not a secure context, or forbidden
    }
  }

  function writeByCommand(text) {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }

  function say(button, word, isDone) {
    const label = button.querySelector("[data-word]");
    label.dataset.word ||= label.textContent;
    label.textContent = word;
    button.classList.toggle("done", isDone);
    if (status) status.textContent = word;
    clearTimeout(button.timer);
    button.timer = setTimeout(() => {
      label.textContent = label.dataset.word;
      button.classList.remove("done");
      if (status) status.textContent = "";
    }, 2000);
  }

  // --- Times: the title of <time> says the reader's own clock beside that of the page.
  const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

  function localise(time) {
    const when = new Date(time.dateTime);
    if (time.dataset.local || Number.isNaN(when.valueOf())) return;
    time.dataset.local = "true";
    time.title = `${time.title}\n${clock.format(when)} on your clock`.trim();
  }

  // --- What appears, at first or by htmx, is made ready.
  function prepare(part) {
    for (const button of part.querySelectorAll(".copy")) button.classList.add("ready");
    for (const time of part.querySelectorAll("time[datetime]")) localise(time);
  }
  prepare(document);
  document.addEventListener("htmx:load", (event) => prepare(event.target));

  // --- One listener for each kind of act.
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".copy");
    if (button) copy(button);
    for (const open of document.querySelectorAll("details.switcher[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const open of document.querySelectorAll("details.switcher[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
    if (location.hash === "#menu") location.hash = "#content";
  });

  // allauth speaks with passkeys; where that fails, the reader is told on the page.
  document.addEventListener("allauth.error", (event) => {
    const place = document.getElementById("passkey-problem");
    if (!place) return;
    event.preventDefault();
    place.textContent = `No passkey was used: the browser gave up, or you did. Try again. (${event.detail.exception?.message ?? ""})`;
  });

  // A form that is on its way shows it, and is not sent a second time by a second click.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog" || form.matches("[hx-post], [hx-get]")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "true";
    (event.submitter ?? form).setAttribute("aria-busy", "true");
    // A download or an error of the network leaves the page as it is: it may be sent again.
    setTimeout(() => rest(form), 8000);
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(rest));

  function rest(form) {
    delete form.dataset.sent;
    for (const busy of [form, ...form.querySelectorAll("[aria-busy]")]) busy.removeAttribute("aria-busy");
  }
})();
