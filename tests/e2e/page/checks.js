// What a page must be for those who cannot see it, or see little: returns a list of complaints.
(() => {
  const wrong = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  if (document.documentElement.lang !== "en") wrong.push("no language");
  if (!document.title.trim()) wrong.push("no title");
  if (all("h1").length !== 1) wrong.push(all("h1").length + " first headings");
  if (all("main").length !== 1) wrong.push("no main part");
  let level = 0;
  for (const heading of all("h1,h2,h3,h4,h5,h6")) {
    const now = Number(heading.tagName[1]);
    if (now > level + 1) wrong.push("heading jumps from " + level + " to " + now + ": " + heading.textContent);
    level = now;
  }
  for (const picture of all("svg, img, canvas, [role=img]")) {
    const label = picture.closest("[aria-label]");
    if (!picture.getAttribute("alt") && !(label && label.getAttribute("aria-label").trim().length > 5)) wrong.push("picture without words: " + picture.outerHTML.slice(0, 80));
  }
  const ids = all("[id]").map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) wrong.push("id twice: " + id);
  for (const link of all("a[href^='#']")) {
    const to = link.getAttribute("href").slice(1);
    if (!to.startsWith("t=") && !document.getElementById(to)) wrong.push("link to nowhere: #" + to);
  }
  for (const control of all("button, summary, a[href]").filter(seen)) {
    control.focus();
    if (document.activeElement !== control) wrong.push("cannot be focused: " + control.outerHTML.slice(0, 80));
    if (!control.textContent.trim() && !control.getAttribute("aria-label")) wrong.push("control without a name");
    if (control.tagName === "BUTTON" && control.getBoundingClientRect().height < 24) wrong.push("small button: " + control.textContent);
  }
  for (const box of all("*").filter((box) => ["auto", "scroll"].includes(getComputedStyle(box).overflowX) && box.scrollWidth > box.clientWidth + 1)) {
    if (box.tabIndex < 0 && !box.querySelector("a, button")) wrong.push("scrolls, but not by keyboard: " + box.outerHTML.slice(0, 80));
  }
  for (const table of all("table")) if (!table.querySelector("th[scope]") && !table.closest(".uplot")) wrong.push("table without headings");
  if (document.documentElement.scrollWidth > innerWidth + 1) wrong.push("wider than the window: " + document.documentElement.scrollWidth + " of " + innerWidth);

  const rgb = (text) => (/rgba?\(([^)]*)\)/.exec(text) || [, "0,0,0,0"])[1].split(/[ ,/]+/).map(Number);
  const light = ([r, g, b]) => {
    const linear = (c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const pale = new Map();
  for (const element of all("body *").filter(seen)) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
    if (["SCRIPT", "STYLE", "TITLE", "title"].includes(element.tagName)) continue;
    const drawn = element instanceof SVGElement;
    const style = getComputedStyle(element);
    const block = drawn && element.classList.contains("inode") ? element.parentNode.querySelector("rect") : null;
    const under = block ? rgb(getComputedStyle(block).fill) : ground(element);
    const [a, b] = [light(rgb(drawn ? style.fill : style.color)), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) pale.set(element.tagName + "." + (element.getAttribute("class") || ""), ratio.toFixed(2) + " " + element.textContent.slice(0, 40));
  }
  for (const [what, ratio] of pale) wrong.push("contrast of " + what + ": " + ratio);
  return wrong;
})()
