"use strict";
// Shows, hides and sorts rows that are all there without it. Foreign text is only ever read here, never written.
const body = document.querySelector("tbody");
if (body) {
  const rows = Array.from(body.rows, (row) => ({
    row,
    action: row.dataset.action,
    text: row.textContent.toLowerCase(),
    keys: Array.from(row.cells, (cell) => cell.textContent),
  }));
  const boxes = document.querySelectorAll("fieldset input");
  const search = document.getElementById("search");
  const status = document.getElementById("status");
  const collator = new Intl.Collator("en", { numeric: true });

  function filter() {
    const actions = new Set(Array.from(boxes).filter((box) => box.checked).map((box) => box.value));
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const each of rows) {
      const fits = actions.has(each.action) && words.every((word) => each.text.includes(word));
      each.row.hidden = !fits;
      shown += fits;
    }
    status.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  }

  function sort(heading) {
    const column = heading.cellIndex;
    const direction = heading.ariaSort === "ascending" ? "descending" : "ascending";
    const sign = direction === "ascending" ? 1 : -1;
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", direction);
    rows.sort((one, other) => sign * collator.compare(one.keys[column], other.keys[column]));
    const sorted = document.createDocumentFragment();
    for (const each of rows) sorted.append(each.row);
    body.append(sorted);
  }

  for (const box of boxes) box.addEventListener("change", filter);
  search.addEventListener("input", filter);
  for (const button of document.querySelectorAll("thead button")) {
    button.disabled = false;
    button.addEventListener("click", () => sort(button.parentElement));
  }
  body.parentElement.classList.add("sorts");
  for (const tool of document.querySelectorAll(".tools")) tool.hidden = false;
  filter(); // a browser may have kept what was chosen before it loaded the page again
}
