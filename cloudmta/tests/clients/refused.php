<?php
// Send a letter by PHPMailer, and print as JSON whether that went well and what we were told.
require '/usr/share/php/libphp-phpmailer/autoload.php';

use PHPMailer\PHPMailer\PHPMailer;
use PHPMailer\PHPMailer\SMTP;

$letter = json_decode(stream_get_contents(STDIN), true);
$dialogue = '';
$mail = new PHPMailer(true);
$mail->isSMTP();
$mail->SMTPDebug = SMTP::DEBUG_SERVER;
$mail->Debugoutput = function ($line) use (&$dialogue) { $dialogue .= $line . "\n"; };
$mail->Host = 'localhost';
$mail->Port = $letter['port'];
$mail->SMTPAuth = $letter['log_in'];
$mail->SMTPSecure = $letter['tls'] ? PHPMailer::ENCRYPTION_STARTTLS : '';
$mail->SMTPAutoTLS = $letter['tls'];
$mail->SMTPOptions = ['ssl' => ['cafile' => $letter['ca']]];
$mail->Username = $letter['user'];
$mail->Password = $letter['password'];
try {
    $mail->setFrom($letter['from'], '', false);
    $mail->Sender = $letter['envelope_from'];
    foreach ($letter['to'] as $to) {
        $mail->addAddress($to);
    }
    $mail->Subject = $letter['subject'];
    $mail->Body = $letter['body'];
    foreach ($letter['headers'] as [$name, $value]) {
        $mail->addCustomHeader($name, $value);
    }
    if ($letter['attachment']) {
        $mail->addStringAttachment('MZ', $letter['attachment']);
    }
    $is_sent = $mail->send();
} catch (Exception $error) {
    $is_sent = false;
    $dialogue .= $error->getMessage();
}
echo json_encode(['is_sent' => $is_sent, 'text' => $dialogue]);
