#!/usr/bin/env bash
# Run a command of places/ with a Python that only a newer Debian has:
#
#   debootstrap --variant=minbase --include=ca-certificates,git,python3.14-venv,python3.15-venv sid FOLDER
#   places/in_debian.sh FOLDER python3.15 places/versions.py 3.15-newest
#
# Needs root for debootstrap, and bubblewrap and uv here. The command sees the root in FOLDER, the project, and the data.
set -euo pipefail

root=${1:?the first argument is the folder with the root of a Debian}
shift
uv=$(command -v uv) || { echo "uv is missing: pip install uv" >&2; exit 1; }
project=$(cd "$(dirname "$0")/.." && pwd)
data=$(cd "${MNIST_HELPERS_DATA:?names the folder with the data sets}" && pwd)
mkdir -p "$root/course" "$root/data"
touch "$root/usr/local/bin/uv"

exec bwrap --die-with-parent --bind "$root" / --dev /dev --proc /proc --tmpfs /dev/shm \
  --bind "$project" /course --ro-bind "$data" /data --ro-bind "$uv" /usr/local/bin/uv \
  --ro-bind /etc/resolv.conf /etc/resolv.conf --ro-bind /etc/ssl/certs /etc/ssl/certs \
  --setenv HOME /root --setenv PATH /usr/local/bin:/usr/bin:/bin --setenv LANG C.UTF-8 \
  --setenv PYTHONPATH /course --setenv MNIST_HELPERS_DATA /data --chdir /course "$@"
