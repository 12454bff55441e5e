#!/usr/bin/env bash
# Unpacks Postfix and Exim beside each other from Debian's packages. As packages they exclude each other, and would
# start as services; here neither is installed, only the libraries that they need.
#   unpack.sh FOLDER
set -eu
into=$1
mkdir -p "$into"
for package in postfix exim4-daemon-light; do
    [ -e "$into/$package.whole" ] && continue
    fetched=$(mktemp -d)
    chmod 755 "$fetched"
    (cd "$fetched" && apt-get download -qq "$package" >/dev/null)
    rm -rf "${into:?}/$package"
    dpkg -x "$fetched"/*.deb "$into/$package"
    rm -rf "$fetched"
    libraries=$(apt-cache depends "$package" | sed -n 's/^ *|\{0,1\}Depends: \(lib[^ ]*\)$/\1/p')
    # Unquoted: a word each.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $libraries >/dev/null
    touch "$into/$package.whole"
done
