#!/bin/bash
# Boot a systemd of its own, as root: boot.sh FOLDER CHECKOUT SITE-PACKAGES
#
# It has namespaces, a network, a /run, a /tmp and a /dev of its own, and every file of this machine: what is written
# goes to memory (an overlay on FOLDER), so nothing of the machine changes. The checkout is found below /srv.
set -euo pipefail
folder=$1 checkout=$2 packages=$3

if [ "${4-}" != inside ]; then
    mount -t tmpfs tmpfs "$folder"
    mkdir "$folder/cgroup"
    mount -t cgroup2 cgroup2 "$folder/cgroup"
    own=$folder/cgroup/voicekeeper-$$
    mkdir "$own"
    echo $$ > "$own/cgroup.procs"
    unshare --mount --pid --fork --kill-child=KILL --cgroup --uts --ipc --net "$0" "$folder" "$checkout" "$packages" inside || true
    echo $$ > "$folder/cgroup/cgroup.procs"
    exec find "$own" -depth -type d -exec rmdir {} +
fi

root=$folder/root
mkdir "$folder/written" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/written,workdir=$folder/work" "$root"
mkdir -p "$root/srv/checkout" "$root/srv/packages" "$root/old"
mount --bind "$checkout" "$root/srv/checkout"
mount --bind "$packages" "$root/srv/packages"
mount -o remount,bind,ro "$root/srv/checkout"
mount -o remount,bind,ro "$root/srv/packages"

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
cp -a /dev/{null,zero,full,random,urandom,tty} "$root/dev"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ip link set lo up

# Nothing of the machine's own is started.
printf '[Unit]\nDefaultDependencies=no\nWants=systemd-journald.service\n' > "$root/etc/systemd/system/walk.target"
printf '[Journal]\nAudit=no\n' > "$root/etc/systemd/journald.conf"
cd "$root"
pivot_root . old # systemd makes no user namespace for a service below a mere chroot
umount --lazy old
mount --make-rshared / # credentials are mounted in another namespace
exec env --ignore-environment container=voicekeeper PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=walk.target --show-status=no
