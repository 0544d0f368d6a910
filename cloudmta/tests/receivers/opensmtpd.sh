# OpenSMTPD in a root of its own: with STARTTLS at $TLS, without it at $CLEAR.
mkdir -p /var/lib/opensmtpd/empty /run
mkdir -m 711 -p /var/spool/smtpd
chown root:root /var/lib/opensmtpd/empty /certificate.pem
cat > /etc/smtpd.conf <<EOF
pki receiver cert "/certificate.pem"
pki receiver key "/certificate.pem"
table boxes { "@" = "box" }
listen on $TLS port $PORT tls pki receiver hostname opensmtpd.receivers.test
listen on $CLEAR port $PORT hostname opensmtpd.receivers.test
action "box" maildir "/mail" virtual <boxes>
match from any for domain "$TLS_DOMAIN" action "box"
match from any for domain "$CLEAR_DOMAIN" action "box"
EOF
exec smtpd -d
