# Make a root of its own, in a name space that ends with this process, and run a server in it.
# $1: what its packages unpack to · $2: the host's directory that it delivers to · $3: its script
set -e
exec 2>&1
base=$2/root
mkdir "$base"
mount -t tmpfs none "$base"
cp -a "$1" "$base/upper"
mkdir -p "$base/work" "$base/root" "$base/upper/etc" "$base/upper/mail"
cp "$3" "$base/upper/start.sh"
cp "$2/certificate.pem" "$base/upper/certificate.pem"
chmod 600 "$base/upper/certificate.pem"
cp /etc/passwd /etc/group "$base/upper/etc/"
id=1990
for user in postfix postdrop Debian-exim opensmtpd opensmtpq; do
    id=$((id + 1))
    grep -q "^$user:" /etc/passwd || echo "$user:x:$id:$id::/var/lib/opensmtpd/empty:/bin/false" >> "$base/upper/etc/passwd"
    grep -q "^$user:" /etc/group || echo "$user:x:$id:" >> "$base/upper/etc/group"
done
echo "box:x:1999:1999::/mail:/bin/false" >> "$base/upper/etc/passwd"
echo "box:x:1999:" >> "$base/upper/etc/group"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$base/root"
mount -t proc proc "$base/root/proc"
mount --rbind /dev "$base/root/dev"
mount --bind "$2/mail" "$base/root/mail"
chown 1999:1999 "$2/mail"
# Not by exec: the death of this shell, the first process of its name space, ends all the others.
chroot "$base/root" /bin/sh /start.sh
exit $?
