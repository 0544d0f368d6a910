# Mail as a Rails application would: its mailer, with the settings of a file for its environment.
require "action_mailer"

Application = Struct.new(:config) do
  def configure(&block) = instance_eval(&block)
end
Config = Struct.new(:action_mailer)

module Rails
  def self.application = @application ||= Application.new(Config.new(ActionMailer::Base))
end

settings, recipient = ARGV
load File.expand_path(settings)

Class.new(ActionMailer::Base) do
  def self.name = "Greeting"

  def hello(to)
    from = "hello@#{ENV.fetch("SENDING_DOMAIN")}"
    mail(to: to, from: from, subject: "Hello", body: "It works.", content_type: "text/plain")
  end
end.hello(recipient).deliver_now
