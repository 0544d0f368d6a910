// Verify a webhook by the published library. argv[2]: the secret; standard input: headers and body.
const { Webhook } = require("standardwebhooks");
const fs = require("fs");

const { headers, body } = JSON.parse(fs.readFileSync(0));
try {
  console.log(new Webhook(process.argv[2]).verify(body, headers).events[0].kind);
} catch (error) {
  console.log(error.message);
}
