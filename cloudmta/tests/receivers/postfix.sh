# Postfix in a root of its own: with STARTTLS at $TLS, without it at $CLEAR.
cat > /etc/postfix/main.cf <<EOF
compatibility_level = 3.6
maillog_file = /dev/stdout
myhostname = postfix.receivers.test
mydestination =
virtual_mailbox_domains = $TLS_DOMAIN $CLEAR_DOMAIN
virtual_mailbox_maps = static:box/
virtual_mailbox_base = /mail
virtual_uid_maps = static:1999
virtual_gid_maps = static:1999
smtpd_tls_chain_files = /certificate.pem
smtpd_recipient_restrictions = reject_unauth_destination
inet_protocols = ipv4
EOF
cat > /etc/postfix/master.cf <<EOF
$TLS:$PORT inet n - n - - smtpd -o smtpd_tls_security_level=may
$CLEAR:$PORT inet n - n - - smtpd -o smtpd_tls_security_level=none
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
EOF
chown postfix /var/lib/postfix
chgrp postdrop /usr/sbin/postdrop /usr/sbin/postqueue
chmod 2755 /usr/sbin/postdrop /usr/sbin/postqueue
exec postfix start-fg
