/* Light or dark for Swagger UI: as chosen on our pages, else as the system. */
"use strict";

(() => {
  const { theme } = document.currentScript.dataset;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const isDark = theme ? theme === "dark" : system.matches;
    document.documentElement.classList.toggle("dark-mode", isDark);
    document.documentElement.dataset.bsTheme = isDark ? "dark" : "light";
  };
  show();
  system.addEventListener("change", show);
})();
