// What the pages can do beside being read: keys, seconds of a recording, the zone of the reader. Nothing needs it.
"use strict";
(() => {
  const one = (query, inside = document) => inside.querySelector(query);
  const all = (query) => [...document.querySelectorAll(query)];

  // The zone of this browser, for the times on the next page.
  if (!/(^|; )tz=/.test(document.cookie)) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone) document.cookie = `tz=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;
  }

  // j and k go through the items of a page; the current one is what Enter, e and m mean.
  let current = null;
  const choose = (item) => {
    if (current) current.classList.remove("current");
    current = item;
    item.classList.add("current");
    item.tabIndex = -1;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  };
  const step = (by) => {
    const items = all("[data-item]");
    if (!items.length) return false;
    const at = items.indexOf(current);
    choose(items[Math.min(Math.max(at < 0 ? (by > 0 ? 0 : items.length - 1) : at + by, 0), items.length - 1)]);
  };
  const follow = (query) => {
    const links = all(`main ${query}`);
    const link = current ? one(query, current) || links.find((each) => !each.closest("[data-item]")) : links[0];
    if (!link) return false;
    if (link.href) link.click();
    else link.focus();
    return true;
  };
  // A key that leads nowhere here says so.
  const say = (key) => {
    const line = one(".said");
    const words = key && line.dataset[key];
    if (line.textContent || words) line.textContent = words || "";
  };
  const help = () => {
    const box = one("#keys");
    if (box.open) box.close();
    else box.showModal();
  };
  const keys = {
    "/": () => { const box = one("#q"); if (box) { box.focus(); box.select(); } else location.href = "/search#q"; },
    j: () => step(1),
    k: () => step(-1),
    Enter: () => current && document.activeElement === current && follow("[data-open]"),
    e: () => follow('[data-key="e"]'),
    m: () => follow('[data-key="m"]'),
    "?": help,
  };
  document.addEventListener("keydown", (pressed) => {
    const inside = pressed.target;
    if (pressed.ctrlKey || pressed.metaKey || pressed.altKey || pressed.isComposing) return;
    if (inside.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(inside.tagName)) {
      if (pressed.key === "Escape") inside.blur();
      return;
    }
    const act = keys[pressed.key];
    say();
    if (!act) return;
    if (act() === false) say(pressed.key);
    else if (pressed.key !== "Enter") pressed.preventDefault();
  });

  // A line of a transcript plays its second where it stands.
  document.addEventListener("click", (clicked) => {
    const line = clicked.target.closest("[data-seek]");
    const player = line && one("audio, video", line.closest("figure"));
    if (!player) return;
    clicked.preventDefault();
    player.currentTime = Number(line.dataset.seek);
    player.play().catch(() => {});
  });

  // New posts are counted, never pushed under the eyes of the reader; the list of Now is replaced when it has changed.
  document.addEventListener("htmx:beforeSwap", (swapped) => {
    if (current && swapped.detail.target.contains(current)) swapped.detail.shouldSwap = false;
  });
})();
