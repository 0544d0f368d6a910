// Send a letter by nodemailer, and print as JSON whether that went well and what we were told.
const nodemailer = require("nodemailer");
const fs = require("fs");

const letter = JSON.parse(fs.readFileSync(0));
const transport = nodemailer.createTransport({
  host: "localhost", port: letter.port, requireTLS: letter.tls, ignoreTLS: !letter.tls,
  tls: { ca: fs.readFileSync(letter.ca) },
  auth: letter.log_in ? { user: letter.user, pass: letter.password } : undefined,
});
const told = (isSent, text) => console.log(JSON.stringify({ is_sent: isSent, text }));
transport
  .sendMail({
    envelope: { from: letter.envelope_from, to: letter.to },
    from: letter.from, to: letter.to.join(", "), subject: letter.subject, text: letter.body,
    headers: letter.headers.map(([key, value]) => ({ key, value })),
    attachments: letter.attachment ? [{ filename: letter.attachment, content: "MZ" }] : [],
  })
  .then((sent) => told(true, sent.response))
  .catch((error) => told(false, `${error.code} ${error.response || error.message}`));
