// What the page of `quantbench report` does beyond showing itself: sorting, filtering, the choice of a cell, tooltips and the
// theme. No library, no network, nothing that outlives the page. Without it everything is still there to be read.
"use strict";

(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);
  document.documentElement.classList.add("scripted");

  // ---- Sorting: the title of each column is a button; a second press turns the order round.

  /** The number behind a cell, its text where there is none, or null for an empty cell. */
  function sortKey(row, column) {
    const cell = row.cells[column];
    if (cell === undefined) return null;
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const text = cell.textContent.trim();
    if (text === "") return null;
    const number = Number(text.replace("−", "-"));
    return Number.isNaN(number) ? text : number;
  }

  /** Numbers before texts; "int4" before "int16". */
  function compareKeys(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return a.localeCompare(b, "en", { numeric: true });
  }

  function sortBy(table, column, direction) {
    const body = table.tBodies[0];
    const keyed = all(":scope > tr", body).map((row, index) => ({ row, index, key: sortKey(row, column) }));
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.index - b.index;  // empty ones last
      return direction * compareKeys(a.key, b.key) || a.index - b.index;
    });
    body.append(...keyed.map((entry) => entry.row));
    all("thead th", table).forEach((header, index) => {
      if (index === column) header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else header.removeAttribute("aria-sort");
    });
  }

  function makeSortable(table) {
    all("thead th", table).forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        sortBy(table, column, header.getAttribute("aria-sort") === "ascending" ? -1 : 1);
      });
    });
  }

  // ---- Filtering: every word of the text in the method, and any pressed button of each group.

  function setUpFilter(form) {
    const text = byId("filter-text");
    const chips = all(".chip", form);
    const rows = all("#result-table tbody tr");

    function passes(row) {
      const method = row.querySelector(".method").textContent.toLowerCase();
      if (!text.value.toLowerCase().split(/\s+/).every((word) => method.includes(word))) return false;
      return ["family", "front", "run"].every((kind) => {
        const wanted = chips.filter((chip) => kind in chip.dataset && chip.getAttribute("aria-pressed") === "true");
        return wanted.length === 0 || wanted.some((chip) => chip.dataset[kind] === row.dataset[kind]);
      });
    }

    function apply() {
      const shown = new Set();
      for (const row of rows) {
        row.hidden = !passes(row);
        if (!row.hidden) shown.add(row.dataset.cell);
      }
      byId("count").textContent = `${shown.size} of ${rows.length} cells`;
      for (const mark of all("#charts .mark[data-cell]"))
        mark.classList.toggle("filtered", !shown.has(mark.dataset.cell));
    }

    text.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => {
      chips.forEach((chip) => chip.setAttribute("aria-pressed", "false"));
      setTimeout(apply);  // the text is empty only after this event
    });
    for (const chip of chips)
      chip.addEventListener("click", () => {
        chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
        apply();
      });
  }

  // ---- One cell at a time.

  function setUpCells(form) {
    const choice = byId("cell-choice");
    const panels = new Map(all(".cell").map((panel) => [panel.dataset.cell, panel]));

    function show(key) {
      if (!panels.has(key)) return false;
      choice.value = key;
      panels.forEach((panel, each) => panel.classList.toggle("chosen", each === key));
      return true;
    }

    function showAddressed() {
      const key = location.hash.startsWith("#cell-") ? location.hash.slice("#cell-".length) : "";
      if (!show(key)) return;
      panels.get(key).scrollIntoView();
      panels.get(key).focus({ preventScroll: true });
    }

    choice.addEventListener("change", () => show(choice.value));
    for (const button of all("button[data-step]", form))
      button.addEventListener("click", () => {
        const options = choice.options.length;
        show(choice.options[(choice.selectedIndex + Number(button.dataset.step) + options) % options].value);
      });
    byId("scale-choice").addEventListener("change", (event) => {
      byId("cells").classList.toggle("by-shared", event.target.value === "shared");
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    window.addEventListener("hashchange", showAddressed);
    show(choice.value);
    showAddressed();
  }

  // ---- Tooltips of drawings: by pointer, or by arrow keys in the drawing that has the focus.

  const tip = byId("tip");

  function showTip(text, rectangle) {
    tip.textContent = text;
    tip.hidden = false;
    const gap = 12;
    const size = tip.getBoundingClientRect();
    const left = rectangle.left + rectangle.width / 2 - size.width / 2;
    const above = rectangle.top - size.height - gap;
    tip.style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - size.width - 8))}px`;
    tip.style.top = `${above < 8 ? rectangle.bottom + gap : above}px`;
  }

  function hideTip() {
    tip.hidden = true;
    all(".mark.current").forEach((mark) => mark.classList.remove("current"));
  }

  function openCell(mark) {
    if (mark.dataset.cell !== undefined) location.hash = `cell-${mark.dataset.cell}`;
  }

  function setUpMarks(chart) {
    const marks = all(".mark", chart).map((mark) => {
      const title = mark.querySelector("title");
      const text = title.textContent;
      title.remove();  // else the browser would show it, too
      mark.setAttribute("aria-label", text);
      mark.addEventListener("pointerenter", () => showTip(text, mark.getBoundingClientRect()));
      mark.addEventListener("pointerleave", hideTip);
      mark.addEventListener("click", () => openCell(mark));
      return mark;
    });
    if (marks.length === 0) return;
    const place = new Map(marks.map((mark) => [mark, mark.getBBox()]));
    marks.sort((a, b) => place.get(a).x - place.get(b).x || place.get(a).y - place.get(b).y);
    let current = -1;
    chart.tabIndex = 0;
    chart.setAttribute("aria-label", `${chart.getAttribute("aria-label")}. Arrow keys walk through the points.`);
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hideTip();
      if (event.key === "Enter" && current >= 0) openCell(marks[current]);
      if (event.key === "Home") current = -1;
      if (event.key === "End") current = marks.length;
      if (step === undefined && event.key !== "Home" && event.key !== "End") return;
      event.preventDefault();
      current = Math.max(0, Math.min(marks.length - 1, current + (step ?? (event.key === "Home" ? 1 : -1))));
      hideTip();
      marks[current].classList.add("current");
      showTip(marks[current].getAttribute("aria-label"), marks[current].getBoundingClientRect());
    });
    chart.addEventListener("blur", hideTip);
  }

  // ---- Theme: as the system has it, until the reader chooses. Kept by nothing but this page.

  function setUpTheme(button) {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
    const label = () => {
      button.textContent = isDark() ? "Light theme" : "Dark theme";
    };
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = isDark() ? "light" : "dark";
      label();
    });
    system.addEventListener("change", label);
    label();
  }

  all("table.sortable").forEach(makeSortable);
  if (byId("filter")) setUpFilter(byId("filter"));
  if (byId("chooser")) setUpCells(byId("chooser"));
  all(".chart").forEach(setUpMarks);
  setUpTheme(byId("theme"));
  addEventListener("scroll", hideTip, { passive: true });
})();
