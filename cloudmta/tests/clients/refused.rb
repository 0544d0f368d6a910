# Send a letter by the mail gem, and print as JSON whether that went well and what we were told.
require "json"
require "mail"

letter = JSON.parse(STDIN.read)
mail = Mail.new do
  from letter["from"]
  to letter["to"]
  subject letter["subject"]
  body letter["body"]
end
mail.smtp_envelope_from = letter["envelope_from"]
letter["headers"].each { |name, value| mail.header[name] = value }
mail.add_file(filename: letter["attachment"], content: "MZ") if letter["attachment"]
mail.delivery_method(
  :smtp, address: "localhost", port: letter["port"],
  user_name: letter["log_in"] ? letter["user"] : nil,
  password: letter["log_in"] ? letter["password"] : nil,
  authentication: letter["log_in"] ? "plain" : nil, enable_starttls: true,
  ca_file: letter["ca"], open_timeout: 60, read_timeout: 60
)
begin
  mail.deliver!
  told = { is_sent: true, text: "" }
rescue StandardError => error
  told = { is_sent: false, text: "#{error.class}: #{error.message}" }
end
puts told.to_json
