"use strict";

const ABSENT = "";

function compareCells(a, b) {
  if (a === b) return 0;
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
}

function sortTable(table, column, direction) {
  const body = table.tBodies[0];
  const value = (row) => row.cells[column].dataset.sort;
  const rows = [...body.rows].sort((a, b) => {
    // What is not there stays last, whichever way round.
    if ((value(a) === ABSENT) !== (value(b) === ABSENT)) return value(a) === ABSENT ? 1 : -1;
    return direction * compareCells(value(a), value(b));
  });
  body.append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) =>
    header.querySelector("button").addEventListener("click", () => {
      const ascending = header.getAttribute("aria-sort") !== "ascending";
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      sortTable(table, column, ascending ? 1 : -1);
    })
  );
}

const links = new Map(
  [...document.querySelectorAll("nav.fixtures li a")].map((link) => [link.getAttribute("href").slice(1), link])
);

function mark(id) {
  for (const [name, link] of links) {
    if (name === id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

const inView = new IntersectionObserver(
  (entries) => entries.forEach((entry) => entry.isIntersecting && mark(entry.target.id)),
  { rootMargin: "-20% 0px -70% 0px" }
);
for (const section of document.querySelectorAll("#glance, section.fixture")) inView.observe(section);

// What scrolls sideways has to be reachable without a mouse.
for (const box of document.querySelectorAll(".scroll")) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
