// Send by the original's own client, unchanged, pointed at our address; print what it makes of it.
const { MessageClient } = require("cloudmailin");
const fs = require("fs");

const { baseURL, username, apiKey, kind, message } = JSON.parse(fs.readFileSync(0));
const client = new MessageClient({ baseURL, username, apiKey });
const sent = kind === "raw" ? client.sendRawMessage(message) : client.sendMessage(message);
sent
  .then((answer) => console.log(JSON.stringify({ answer })))
  .catch((error) => console.log(JSON.stringify({ error: error.message, status: error.status })));
