// Type-ahead over search-index.js. Everything is shown as text, never as markup.
(() => {
  "use strict";
  const box = document.querySelector("#search");
  const list = document.querySelector("#results");
  const root = document.documentElement.dataset.root;
  const entries = window.catalogEntries.map((entry) => ({
    ...entry,
    title: entry.name.toLowerCase(),
    text: Object.values({ ...entry, href: "" }).join(" ").toLowerCase(),
  }));
  const limit = 30;
  let chosen = -1;

  const weight = (entry, words) => {
    let sum = 0;
    for (const word of words) {
      if (!entry.text.includes(word)) return -1;
      const at = entry.title.indexOf(word);
      sum += entry.title === word ? 8 : at === 0 ? 4 : at > 0 ? 2 : 0;
    }
    return sum + (entry.kind.startsWith("column") ? 0 : 1);
  };

  const search = (query) => {
    const words = query.toLowerCase().split(/[\s.]+/).filter(Boolean);
    if (!words.length) return null;
    return entries
      .map((entry) => [weight(entry, words), entry])
      .filter(([place]) => place >= 0)
      .sort((one, other) => other[0] - one[0])
      .map(([, entry]) => entry);
  };

  const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });

  const option = (entry, number) => {
    const link = document.createElement("a");
    link.href = root + entry.href;
    link.tabIndex = -1;
    const about = [entry.kind, entry.unit, entry.about, entry.owner].filter(Boolean).join(" · ");
    link.append(element("b", entry.name), element("small", about));
    const item = document.createElement("li");
    item.id = `result-${number}`;
    item.setAttribute("role", "option");
    item.append(link);
    return item;
  };

  const choose = (number) => {
    chosen = number;
    [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === chosen)));
    const item = list.children[chosen];
    item?.scrollIntoView({ block: "nearest" });
    if (item) box.setAttribute("aria-activedescendant", item.id);
    else box.removeAttribute("aria-activedescendant");
  };

  const show = (open) => {
    list.hidden = !open;
    box.setAttribute("aria-expanded", String(open));
  };

  const update = () => {
    const results = search(box.value);
    list.replaceChildren(...(results ?? []).slice(0, limit).map(option));
    if (results && !results.length) list.append(element("li", "Nothing was found."));
    choose(results?.length ? 0 : -1);
    show(results !== null);
  };

  box.addEventListener("input", update);
  box.addEventListener("focus", update);
  box.addEventListener("keydown", (event) => {
    const count = list.querySelectorAll("[role=option]").length;
    if (event.key === "Escape") show(false);
    else if (list.hidden || !count) return;
    else if (event.key === "ArrowDown") choose((chosen + 1) % count);
    else if (event.key === "ArrowUp") choose((chosen - 1 + count) % count);
    else if (event.key === "Enter") list.children[chosen].querySelector("a").click();
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", () => show(false));
  document.addEventListener("click", (event) => { if (!event.target.closest(".search")) show(false); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input")) { event.preventDefault(); box.focus(); }
  });
  document.querySelector("div.search").hidden = false;
  document.querySelector("form.search").hidden = true;
})();
