// Measures the page it is put in, in both themes, and sends what it found to the page around it.
(() => {
  const errors = [];
  addEventListener("error", (event) => errors.push(String(event.message)));
  addEventListener("securitypolicyviolation", (event) => errors.push(event.violatedDirective));
  const consoleError = console.error;
  console.error = (...words) => { errors.push(words.join(" ")); consoleError(...words); };

  const rgba = (text) => {
    const n = text.match(/-?[\d.]+(e-?\d+)?/g).map(Number);
    const unit = text.startsWith("color(") ? 255 : 1;
    return [n[0] * unit, n[1] * unit, n[2] * unit, n[3] ?? 1];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((v) => {
      const s = v / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const opacity = (element) => {
    let all = 1;
    for (let at = element; at; at = at.parentElement) all *= Number(getComputedStyle(at).opacity);
    return all;
  };

  const contrast = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const seen = new Set();
    const low = [];
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      const skip = ["SCRIPT", "STYLE", "title"].includes(element.tagName);
      if (skip || seen.has(element) || !walker.currentNode.data.trim() || !element.checkVisibility()) continue;
      seen.add(element);
      const style = getComputedStyle(element);
      const ink = rgba(element.namespaceURI.endsWith("svg") ? style.fill : style.color);
      ink[3] *= opacity(element);
      const under = ground(element);
      const found = ratio(over(ink, under), under);
      if (found < 4.5) low.push(`${element.textContent.trim().slice(0, 40)}: ${found.toFixed(2)}`);
    }
    return { texts: seen.size, low };
  };

  const keyboard = () => {
    const all = [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")];
    const shown = all.filter((element) => element.checkVisibility());
    const reached = shown.filter((element) => {
      element.focus();
      return document.activeElement === element && element.tabIndex === 0;
    });
    const scrolling = [...document.querySelectorAll("body *")].filter((element) =>
      ["auto", "scroll"].includes(getComputedStyle(element).overflowX) && element.scrollWidth > element.clientWidth + 1);
    return {
      shown: shown.length,
      missed: shown.filter((element) => !reached.includes(element)).map((element) => element.outerHTML.slice(0, 80)),
      stuck: scrolling.filter((element) => element.tabIndex !== 0).map((element) => element.outerHTML.slice(0, 80)),
    };
  };

  const wide = () => {
    const root = document.documentElement;
    const out = [...document.querySelectorAll("main *")].filter((element) =>
      element.getBoundingClientRect().right > innerWidth + 1 && !element.closest(".scroll, pre, svg"));
    return {
      page: root.scrollWidth, window: innerWidth,
      out: out.map((element) => element.outerHTML.slice(0, 80)),
    };
  };

  addEventListener("load", () => {
    const root = document.documentElement;
    for (const one of document.querySelectorAll("details")) one.open = true;
    const button = document.getElementById("theme");
    const themes = {};
    for (const theme of ["light", "dark"]) {
      root.dataset.theme = theme;
      themes[theme] = { ...contrast(), paper: getComputedStyle(document.body).backgroundColor };
    }
    button.click();
    const found = { themes, clicked: root.dataset.theme, button: button.textContent, keyboard: keyboard(), wide: wide(), errors };
    parent.postMessage(found, "*");
  });
})();
