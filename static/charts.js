/* Draw <figure class="chart" data-chart="id of its JSON"> by Chart.js, in the colours of the tokens.

   {"type": "bar" | "line", "labels": […], "unit": "%", "stacked": true,
    "series": [{"name": …, "values": […], "tone": "good", "dashed": true, "ghost": true}]}

   The tones are those of the tokens: good, waiting, wrong, off, accent, muted. */
"use strict";

(() => {
  const GHOST = 0.5; // how much of its colour the period before keeps
  const WIDEST = 48; // pixels of a bar
  const drawn = new Map();
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;

  function colour(tone) {
    // A canvas knows no light-dark(): an element resolves it.
    const probe = document.createElement("span");
    probe.style.color = `var(--${tone})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  const faded = (rgb) => rgb.replace("rgb(", "rgba(").replace(")", `, ${GHOST})`);

  function dataset(data, series) {
    const plain = colour(`plot-${series.tone ?? "accent"}`);
    const tint = series.ghost ? faded(plain) : plain;
    return {
      label: series.name, data: series.values, type: series.dashed || series.ghost ? "line" : data.type,
      borderColor: tint, backgroundColor: tint, borderWidth: data.type === "bar" && !series.dashed && !series.ghost ? 0 : 2,
      borderDash: series.dashed ? [6, 4] : [], pointRadius: 0, pointHitRadius: 12, maxBarThickness: WIDEST, borderRadius: 2,
      order: series.dashed || series.ghost ? 0 : 1, // lines before bars
      stack: series.dashed ? "line" : series.ghost ? "before" : "now", spanGaps: true,
    };
  }

  function options(data) {
    const text = colour("muted");
    const line = colour("line");
    const stacked = Boolean(data.stacked);
    // What is opened in an hour may be more than what arrived in it; beyond all of it nothing counts.
    const highest = Math.max(...data.series.flatMap((one) => one.values.map((value) => value ?? 0)));
    const max = data.unit === " %" && highest > 100 ? 100 : undefined;
    const shown = (value) => `${value.toLocaleString("en")}${data.unit ?? ""}`;
    return {
      animation: false, maintainAspectRatio: false, interaction: { mode: "index", intersect: false },
      scales: {
        x: { stacked, grid: { display: false }, ticks: { color: text, maxRotation: 0, autoSkipPadding: 16 } },
        y: { stacked, max, beginAtZero: true, grid: { color: line }, ticks: { color: text, maxTicksLimit: 6, precision: data.unit ? undefined : 0, callback: shown } },
      },
      plugins: {
        legend: { display: false }, // it stands in the HTML
        tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${shown(item.parsed.y)}` } },
      },
    };
  }

  function draw(figure) {
    const block = document.getElementById(figure.dataset.chart);
    if (!block) return;
    const data = JSON.parse(block.textContent);
    figure.classList.add("drawn");
    drawn.get(figure)?.destroy();
    drawn.set(figure, new Chart(figure.querySelector("canvas"), {
      type: data.type,
      data: { labels: data.labels, datasets: data.series.map((one) => dataset(data, one)) },
      options: options(data),
    }));
  }

  const drawAll = (part) => part.querySelectorAll(".chart[data-chart]").forEach(draw);
  drawAll(document);
  document.addEventListener("htmx:load", (event) => drawAll(event.target));
  new MutationObserver(() => drawAll(document)).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
