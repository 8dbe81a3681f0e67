#!/bin/sh
# Install the server that the tests run privately, where it is missing and can be installed.
set -eu
command -v mariadbd >/dev/null && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "MariaDB is not installed: its tests are skipped. Install mariadb-server to run them." >&2
    exit 0
fi
echo "Installing mariadb-server ..."
# Keeps the package from starting a server of its own: the tests start theirs.
export DEBIAN_FRONTEND=noninteractive
export RUNLEVEL=1
apt-get update -qq
apt-get install -y -qq --no-install-recommends mariadb-server >/dev/null
