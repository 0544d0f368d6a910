// Verify the DKIM signatures of a message on standard input by mailauth, with the DNS at argv[2].
const { dkimVerify } = require("mailauth/lib/dkim/verify");
const { Resolver } = require("dns").promises;
const fs = require("fs");

const dns = new Resolver();
dns.setServers([process.argv[2]]);
dkimVerify(fs.readFileSync(0), { resolver: (name, type) => dns.resolve(name, type) }).then(
  ({ results }) => console.log(JSON.stringify(results.map((one) => one.status.result))),
);
