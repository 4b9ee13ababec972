// Opens a trace in ui.perfetto.dev, which asks for nothing but this handshake. It needs the network.

const ORIGIN = "https://ui.perfetto.dev";
const PATIENCE = 30000;

// Raises an Error with a text for the user.
export async function openInPerfetto(address, title) {
  const other = window.open(ORIGIN);
  if (!other) throw new Error("the browser has not opened a window for Perfetto");
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) throw new Error(`no trace: ${answer.status}`);
  const buffer = await answer.arrayBuffer();
  await hears(other);
  other.postMessage({ perfetto: { buffer, title, fileName: "trace.json" } }, ORIGIN);
}

// Done once the other window has answered.
function hears(other) {
  return new Promise((resolve, reject) => {
    const asking = setInterval(() => other.postMessage("PING", ORIGIN), 200);
    const late = setTimeout(() => end(() => reject(new Error("Perfetto does not answer"))), PATIENCE);
    const heard = (event) => {
      if (event.origin === ORIGIN && event.data === "PONG") end(resolve);
    };
    const end = (then) => {
      clearInterval(asking);
      clearTimeout(late);
      window.removeEventListener("message", heard);
      then();
    };
    window.addEventListener("message", heard);
  });
}
