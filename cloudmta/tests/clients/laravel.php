<?php
// Mail as a Laravel application would: its mailer, and what its config/mail.php makes of an .env file.
require '/usr/share/php/Illuminate/Mail/autoload.php';
require '/usr/share/php/Egulias/EmailValidator/autoload.php';

use Illuminate\Container\Container;
use Illuminate\Mail\MailManager;

[, $file, $recipient] = $argv;
$env = parse_ini_file($file, false, INI_SCANNER_RAW);
$app = new Container();
$app['config'] = [
    'mail.driver' => null,
    'mail.default' => $env['MAIL_MAILER'],
    'mail.mailers.smtp' => [
        'transport' => 'smtp', 'host' => $env['MAIL_HOST'], 'port' => $env['MAIL_PORT'],
        'encryption' => $env['MAIL_ENCRYPTION'], 'username' => $env['MAIL_USERNAME'],
        'password' => $env['MAIL_PASSWORD'],
    ],
    'mail.reply_to' => null,
    'mail.to' => null,
    'mail.return_path' => null,
    'mail.from' => ['address' => $env['MAIL_FROM_ADDRESS'], 'name' => 'Example'],
];
$app->bind('events', fn () => null);
$app->bind('view', fn () => new class implements Illuminate\Contracts\View\Factory {
    public function exists($view) { return false; }
    public function file($path, $data = [], $mergeData = []) {}
    public function make($view, $data = [], $mergeData = []) {}
    public function share($key, $value = null) {}
    public function composer($views, $callback) { return []; }
    public function creator($views, $callback) { return []; }
    public function addNamespace($namespace, $hints) {}
    public function replaceNamespace($namespace, $hints) {}
});

(new MailManager($app))->mailer()->raw('It works.', fn ($message) => $message->to($recipient)->subject('Hello'));
