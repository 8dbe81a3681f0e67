#!/bin/sh
# Install what the tests run beside Python, where it is missing and can be installed: a database server and a browser.
set -eu
missing=""
command -v mariadbd >/dev/null || missing=" mariadb-server"
command -v chromium >/dev/null || missing="$missing chromium"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed, so its tests are skipped:$missing. Run this as root where there is apt-get." >&2
    exit 0
fi
echo "Installing $missing ..."
# Keeps MariaDB's package from starting a server of its own: the tests start theirs.
export DEBIAN_FRONTEND=noninteractive
export RUNLEVEL=1
apt-get update -qq
# shellcheck disable=SC2086  # one word for each package
apt-get install -y -qq --no-install-recommends $missing >/dev/null
