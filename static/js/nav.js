// What every page has: links, and menus that close.

// A menu closes when one presses elsewhere, or Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    const held = menu.contains(document.activeElement);
    menu.open = false;
    if (held) menu.querySelector("summary").focus();
  }
});

// On a phone the links run out of the screen: the one of this page is brought into it.
document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// A menu at the foot of the page is brought above what stands there.
document.addEventListener("toggle", ({ target }) => {
  if (target.matches("main details.menu[open]")) target.querySelector(".menu-list")?.scrollIntoView({ block: "nearest" });
}, { capture: true });
