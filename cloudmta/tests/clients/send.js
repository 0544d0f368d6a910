// Send a message, as it stands, by nodemailer. What it needs to know comes as JSON in argv.
const nodemailer = require("nodemailer");
const fs = require("fs");

const { host, port, secure, user, pass, ca, from, to, file } = JSON.parse(process.argv[2]);
const transport = nodemailer.createTransport({
  host, port, secure, requireTLS: !secure, auth: { user, pass }, tls: { ca: fs.readFileSync(ca) },
});
transport
  .sendMail({ envelope: { from, to: [to] }, raw: fs.readFileSync(file) })
  .then((sent) => console.log(sent.response));
