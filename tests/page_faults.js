// What page_faults.py asks of a page that is open.
window.pageFaults = (() => {
  "use strict";
  const limit = 8;
  const style = (element) => getComputedStyle(element);
  const withParents = (element) => (element ? [element, ...withParents(element.parentElement)] : []);

  const leaves = (inner, outer) =>
    inner.right > outer.right + 1 || inner.left < outer.left - 1 || inner.bottom > outer.bottom + 1 || inner.top < outer.top - 1;

  const textFault = (node) => {
    const owner = node.parentElement;
    const text = JSON.stringify(node.textContent.trim().slice(0, 60));
    const picture = owner.closest("svg");
    if (picture) return leaves(owner.getBoundingClientRect(), picture.getBoundingClientRect()) ? `${text} leaves its picture` : null;
    const parents = withParents(owner);
    if (parents.some((element) => ["auto", "scroll"].includes(style(element).overflowX))) return null;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()];
    const right = Math.max(...boxes.map((box) => box.right));
    if (right > innerWidth + 1 || Math.min(...boxes.map((box) => box.left)) < -1) return `${text} leaves the window`;
    const cut = parents.find((element) => style(element).overflowX === "hidden" && style(element).textOverflow !== "ellipsis");
    return cut && right > cut.getBoundingClientRect().right + 1 ? `${text} is cut off` : null;
  };

  const overflow = () => {
    const root = document.scrollingElement;
    const wide = root.scrollWidth - root.clientWidth;
    const found = wide > 1 ? [`the page is ${wide} pixels wider than the window`] : [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const owner = node.parentElement;
      const hidden = owner.closest("title, desc, style, script, noscript, .skip") || !owner.checkVisibility();
      const fault = node.textContent.trim() && !hidden ? textFault(node) : null;
      if (fault) found.push(fault);
    }
    return found.slice(0, limit);
  };

  // Contrast by WCAG 2.1: relative luminance, after colors with an alpha are laid over what is below them.
  const parts = (color) => {
    const found = (color.match(/[0-9.]+/g) ?? [0, 0, 0, 0]).map(Number);
    return found.length < 4 ? [...found, 1] : found;
  };
  const over = (top, below) => [0, 1, 2].map((place) => top[place] * top[3] + below[place] * (1 - top[3]));
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const luminance = (color) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, place) => sum + weight * linear(color[place] / 255), 0);
  const ground = (element) =>
    withParents(element).reverse().reduce((below, layer) => over(parts(style(layer).backgroundColor), below), [255, 255, 255]);

  const ratioOf = (text) => {
    const box = text.previousElementSibling;
    const onBox = box?.tagName === "rect" && text.closest("a");
    const below = over(onBox ? parts(style(box).fill) : [0, 0, 0, 0], ground(text.closest("svg")));
    const [low, high] = [luminance(over(parts(style(text).fill), below)), luminance(below)].sort((one, other) => one - other);
    return (high + 0.05) / (low + 0.05);
  };

  const contrast = () =>
    [...document.querySelectorAll("svg text")]
      .filter((text) => text.checkVisibility() && ratioOf(text) < 4.5)
      .map((text) => `${JSON.stringify(text.textContent.slice(0, 40))} in a picture has a contrast of ${ratioOf(text).toFixed(2)}`)
      .slice(0, limit);

  const inWords = (item) => [item.id, item.help, item.nodes.slice(0, 3).map((node) => node.html.slice(0, 160))];
  const axeRules = (tags, done) =>
    axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] }).then(
      (found) => done(found.violations.map(inWords)),
      (error) => done([["axe", String(error), []]]),
    );

  return { overflow, contrast, axe: axeRules };
})();
