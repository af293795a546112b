// The testing tool: another sample when another is chosen, and the payload as a curl command.

const choose = document.getElementById("choose");
const payload = document.getElementById("payload");
const curl = document.getElementById("curl");
const copy = document.getElementById("copy-curl");

choose.addEventListener("change", () => choose.requestSubmit());

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Return the call of the API that tries this payload; whoever runs it puts their own token in. */
function command() {
  const body = JSON.stringify({ payload: payload.value });
  return `curl -X POST ${quoted(payload.dataset.url)} -H 'Authorization: Token YOUR_TOKEN' -H 'Content-Type: application/json' -d ${quoted(body)}`;
}

copy.hidden = false;
copy.addEventListener("click", async () => {
  curl.value = command();
  curl.hidden = false;
  curl.select();
  const label = copy.textContent;
  // Without a secure origin there is no clipboard: the text is selected, for the keyboard.
  await navigator.clipboard?.writeText(curl.value).then(() => { copy.textContent = `${label} ✓`; }, () => {});
  setTimeout(() => { copy.textContent = label; }, 2_000);
});

document.querySelector("#result [role=alert], #result [role=status]")?.closest("section").querySelector("h2").focus();
