# Exim in a root of its own: with STARTTLS at $TLS, without it at $CLEAR.
mkdir -p /var/spool/exim4 /var/log/exim4 /etc/exim4
chown -R Debian-exim /var/spool/exim4 /var/log/exim4
chown Debian-exim /certificate.pem
cat > /etc/exim4/exim4.conf <<EOF
primary_hostname = exim.receivers.test
local_interfaces = $TLS : $CLEAR
daemon_smtp_ports = $PORT
tls_advertise_hosts = \${if eq{\$received_ip_address}{$TLS}{*}{}}
tls_certificate = /certificate.pem
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
begin acl
rcpt:
  accept domains = $TLS_DOMAIN : $CLEAR_DOMAIN
  deny
begin routers
box:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = /mail
  maildir_format
  user = box
EOF
exec exim4 -bdf -q1h
