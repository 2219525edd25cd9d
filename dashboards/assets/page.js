// Makes the charts of the page live: one zoom for all of them, values under the cursor, shades of what was going on.
// The page is whole without it. Reads the document in #data and nothing else; writes text only as text.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const end = Math.max(data.end_s || 0, 1e-6);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const status = document.getElementById("range");
  const toolbar = document.getElementById("zoom");
  let plots = [];
  let shown = [0, end];

  const three = (v) => (v >= 99.95 ? v.toFixed(0) : v >= 9.995 ? v.toFixed(1) : v.toFixed(2));
  const scaled = (v, units, gap) => {
    let unit = 0;
    while (v >= 999.5 && unit + 1 < units.length) { v /= 1000; unit += 1; }
    return (v === 0 ? "0" : unit === 0 && Number.isInteger(v) ? String(v) : three(v)) + gap + units[unit];
  };
  const say = (unit, v) => {
    if (v === null || v === undefined) return "–";
    switch (unit) {
      case "records/s": return scaled(v, ["", "k", "M", "G"], "") + "/s";
      case "ms": return v < 1 ? (v === 0 ? "0" : three(v * 1000) + " us") : v < 999.5 ? three(v) + " ms" : three(v / 1000) + " s";
      case "bytes": return scaled(v, ["B", "kB", "MB", "GB", "TB"], " ");
      case "cores": return three(v);
      default: return scaled(v, ["", "k", "M", "G", "T"], "");
    }
  };
  const clock = (s) => (end > 600 ? Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0") : +s.toFixed(3) + " s");

  const zoom = (from, to) => {
    const least = end / 5000;
    const width = Math.min(Math.max(to - from, least), end);
    const left = Math.min(Math.max(from, 0), end - width);
    shown = [left, left + width];
    for (const plot of plots) plot.setScale("x", { min: shown[0], max: shown[1] });
    const whole = width >= end;
    status.textContent = whole ? "whole run, " + clock(end) : clock(+shown[0].toFixed(3)) + " to " + clock(+shown[1].toFixed(3));
  };

  const shade = (u) => {
    const { left, top, width, height } = u.bbox;
    const x = (s) => Math.min(Math.max(u.valToPos(s, "x", true), left), left + width);
    const c = u.ctx;
    c.save();
    const colours = { fault: css("--doubt"), down: css("--ink"), stall: css("--bad") };
    c.globalAlpha = 0.16;
    for (const span of data.spans) {
      if (!(span.kind in colours) || span.until_s < shown[0] || span.from_s > shown[1]) continue;
      c.fillStyle = colours[span.kind];
      c.fillRect(x(span.from_s), top, Math.max(x(span.until_s) - x(span.from_s), 2), height);
    }
    const near = data.rotations.filter((s) => s >= shown[0] && s <= shown[1]);
    if (near.length <= 200) {
      c.globalAlpha = 0.6;
      c.strokeStyle = css("--quiet");
      c.setLineDash([3, 4]);
      c.beginPath();
      for (const s of near) { c.moveTo(x(s), top); c.lineTo(x(s), top + height); }
      c.stroke();
    }
    c.restore();
  };

  const decade = (v, to) => Math.pow(10, to(Math.log10(v)));
  const build = (figure, lane) => {
    const columns = [lane.t];
    const series = [{ label: "at", value: (u, v) => (v === null || v === undefined ? "–" : clock(v)) }];
    const bands = [];
    for (const one of lane.series) {
      const colour = css("--s" + one.colour);
      const value = (u, v) => say(lane.unit, v);
      columns.push(one.mean);
      series.push({ label: one.name, stroke: colour, width: 2, value, points: { show: one.mean.length < 40, size: 5, fill: colour } });
      if (one.max) {
        columns.push(one.max, one.min);
        series.push({ label: one.name + " max", stroke: colour, width: 0.5, value, points: { show: false } });
        series.push({ label: one.name + " min", stroke: colour, width: 0.5, value, points: { show: false } });
        bands.push({ series: [series.length - 2, series.length - 1], fill: colour + "40" });
      }
    }
    const axis = { stroke: css("--quiet"), grid: { stroke: css("--rule"), width: 1 }, ticks: { stroke: css("--rule"), width: 1 }, font: "12px system-ui, sans-serif" };
    const host = figure.querySelector(".live");
    const range = lane.log
      ? (u, low, high) => (high > 0 ? [decade(low > 0 ? low : high, Math.floor), Math.max(decade(high, Math.ceil), decade(low > 0 ? low : high, Math.floor) * 10)] : [1, 10])
      : (u, low, high) => [0, high > 0 ? high * 1.08 : 1];
    const options = {
      width: Math.max(host.clientWidth, 240), height: 132, series, bands,
      scales: { x: { time: false, range: (u, low, high) => shown }, y: { distr: lane.log ? 3 : 1, range } },
      axes: [
        { ...axis, size: 24, values: (u, ticks) => ticks.map(clock) },
        { ...axis, size: 62, values: (u, ticks) => ticks.map((v) => (v === null ? "" : say(lane.unit, v))) },
      ],
      cursor: {
        sync: { key: "run", scales: ["x", null] },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => { zoom(0, end); return null; } },
      },
      hooks: {
        drawAxes: [shade],
        setSelect: [(u) => {
          if (u.select.width < 3) return;
          const from = u.posToVal(u.select.left, "x"), to = u.posToVal(u.select.left + u.select.width, "x");
          for (const plot of plots) plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          zoom(from, to);
        }],
      },
    };
    const plot = new uPlot(options, columns, host);
    figure.classList.add("is-live");
    return plot;
  };

  const draw = () => {
    for (const plot of plots) plot.destroy();
    plots = [];
    for (const figure of document.querySelectorAll("figure[data-lane]")) {
      plots.push(build(figure, data.lanes[Number(figure.dataset.lane)]));
    }
    zoom(shown[0], shown[1]);
  };

  const follow = () => {
    const found = /^#t=([0-9]+(?:\.[0-9]+)?)$/.exec(location.hash);
    if (!found || plots.length === 0) return;
    const t = Math.min(Number(found[1]), end);
    const half = Math.min(Math.max(end * 0.06, 1), 30);
    zoom(t - half, t + half);
    document.getElementById("lanes").scrollIntoView();
    for (const plot of plots.slice(0, 1)) plot.setCursor({ left: plot.valToPos(t, "x"), top: 10 });
  };

  const by = (factor, move) => () => {
    const middle = (shown[0] + shown[1]) / 2, half = ((shown[1] - shown[0]) / 2) * factor, by = (shown[1] - shown[0]) * move;
    zoom(middle - half + by, middle + half + by);
  };
  const acts = { in: by(0.5, 0), out: by(2, 0), earlier: by(1, -0.5), later: by(1, 0.5), whole: () => zoom(0, end) };
  if (toolbar) {
    draw();
    if (plots.length > 0) toolbar.hidden = false;
    for (const button of toolbar.querySelectorAll("button")) button.addEventListener("click", acts[button.dataset.act]);
    addEventListener("hashchange", follow);
    follow();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    let waits = 0;
    addEventListener("resize", () => {
      cancelAnimationFrame(waits);
      waits = requestAnimationFrame(() => {
        for (const plot of plots) plot.setSize({ width: Math.max(plot.root.parentElement.clientWidth, 240), height: 132 });
      });
    });
  }
  for (const button of document.querySelectorAll("button[data-copies]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      const text = document.getElementById(button.dataset.copies).textContent;
      navigator.clipboard.writeText(text).then(() => { button.textContent = "copied"; }, () => { button.textContent = "select it by hand"; });
    });
  }
})();
