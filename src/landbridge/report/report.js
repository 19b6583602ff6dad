"use strict";
(() => {
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const kept = (act) => { try { return act(); } catch { return null; } }; // storage may be barred

  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const name = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  const wanted = kept(() => localStorage.getItem("landbridge-theme"));
  if (wanted === "dark" || wanted === "light") root.dataset.theme = wanted;
  theme.hidden = false;
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    kept(() => localStorage.setItem("landbridge-theme", root.dataset.theme));
    name();
  });
  system.addEventListener("change", name);
  name();

  const copy = document.getElementById("copy");
  const command = document.getElementById("command");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      const said = document.getElementById("copied");
      await navigator.clipboard.writeText(command.textContent).then(
        () => { said.textContent = "Copied"; },
        () => { said.textContent = "Select and copy by hand"; getSelection().selectAllChildren(command); },
      );
    });
  }

  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details")) one.open = true;
  });
})();
