#!/bin/sh
# Lays out the root of the image: the program and the libraries it is linked to (`root`), and the directories that it
# may write to (`state`).
#
#   sh deploy/image/root.sh PROGRAM DIRECTORY
set -eu
program=$1
root=$2/root
state=$2/state

install -D -m 755 "$program" "$root/usr/bin/quorate"
# The loader among them. Each where the program looks for it.
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
    install -D -m 755 "$library" "$root$library"
done

# Names are looked up in the files of the container first, as everywhere.
install -d "$root/etc/quorate"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'quorate:x:65532:65532:quorate:/var/lib/quorate:/sbin/nologin' >"$root/etc/passwd"
echo 'quorate:x:65532:' >"$root/etc/group"

# 700: what quotas have granted is nobody else's business.
install -d -m 700 "$state/var/lib/quorate" "$state/run/quorate"
