// Hides rows of other servers. What page.js hides stays hidden, and is counted as it counts.
const server = document.getElementById("server");
if (server) {
  const rows = Array.from(document.querySelectorAll("tbody tr"), (row) => ({
    row,
    servers: row.querySelector(".servers").textContent.toLowerCase(),
  }));
  const status = document.getElementById("status");

  function narrow() {
    const name = server.value.trim().toLowerCase();
    let shown = 0;
    for (const each of rows) {
      const fits = each.servers.includes(name);
      each.row.classList.toggle("elsewhere", !fits);
      shown += fits && !each.row.hidden;
    }
    status.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  }

  for (const input of document.querySelectorAll("fieldset input")) input.addEventListener("change", narrow);
  for (const input of [server, document.getElementById("search")]) input.addEventListener("input", narrow);
  if (server.value) narrow(); // a browser may have kept it
}
