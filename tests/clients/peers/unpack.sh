#!/usr/bin/env bash
# Unpacks Postfix, Exim and Dovecot beside each other from Debian's packages. As packages the first two exclude each other,
# and all would start as services; here none is installed, only the libraries that they need.
#   unpack.sh FOLDER
set -eu
into=$1
mkdir -p "$into"
# A folder, and the packages that go there.
for line in "postfix postfix" "exim4-daemon-light exim4-daemon-light" "dovecot dovecot-core dovecot-lmtpd"; do
    folder=${line%% *} packages=${line#* }
    [ -e "$into/$folder.whole" ] && continue
    fetched=$(mktemp -d)
    chmod 755 "$fetched"
    # Unquoted: a word each.
    (cd "$fetched" && apt-get download -qq $packages >/dev/null)
    rm -rf "${into:?}/$folder"
    for file in "$fetched"/*.deb; do dpkg -x "$file" "$into/$folder"; done
    rm -rf "$fetched"
    libraries=$(apt-cache depends $packages | sed -n 's/^ *|\{0,1\}Depends: \(lib[^ ]*\)$/\1/p' | sort -u)
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $libraries >/dev/null
    touch "$into/$folder.whole"
done
