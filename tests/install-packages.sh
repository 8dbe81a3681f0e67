#!/bin/sh
# Install what the tests run beside Python, where it is missing: a database server, redis, a browser, and curl.
set -eu
missing=""
# Debian puts servers where the PATH of most users does not lead.
PATH=$PATH:/usr/sbin
command -v mariadbd >/dev/null || missing="mariadb-server"
command -v redis-server >/dev/null || missing="$missing redis-server"
command -v chromium >/dev/null || missing="$missing chromium"
command -v curl >/dev/null || missing="$missing curl"
[ -n "$missing" ] || exit 0
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
    echo "The tests need $missing, which only root can install, with Debian's apt-get." >&2
    exit 1
fi
echo "Installing $missing ..."
$as_root apt-get update -qq
# RUNLEVEL keeps the packages of MariaDB and redis from starting servers of their own: the tests start theirs.
# shellcheck disable=SC2086  # one word for each package
$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null
