// Verify the DKIM signatures of many messages by mailauth. Standard input: JSON, the TXT records by
// name in `dns`, the messages in Base64 in `messages`. Output: the results of each message.
const { dkimVerify } = require("mailauth/lib/dkim/verify");
const fs = require("fs");

const { dns, messages } = JSON.parse(fs.readFileSync(0));
const resolver = async (name) => [[dns[name]]];

(async () => {
  const results = [];
  for (const message of messages) {
    const found = await dkimVerify(Buffer.from(message, "base64"), { resolver });
    results.push(found.results.map((one) => one.status.result));
  }
  console.log(JSON.stringify(results));
})();
