#!/usr/bin/env bash
# SCRAM with clients that are not ours: GNU SASL over IMAP and submission, the channel bound by tls-exporter and
# not; mpop over POP3.
#   DEMO=DIR/demo.json bash tests/clients/scram.sh
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
field() { python3 -c "import json,sys; d=json.load(open('$DEMO')); print(eval(sys.argv[1], {'d': d}))" "$1"; }
user=$(field "d['accounts'][11]['address']") pass=$(field "d['accounts'][11]['password']") ca=$(field "d['ca']")
export HOME=$work LC_ALL=C.UTF-8

# sasl PROTOCOL PORT PASSWORD ARGUMENTS: what GNU SASL says; it verifies the server's signature too.
sasl() {
    timeout 60 gsasl "--$1" --verbose --connect "localhost:$2" --starttls --x509-ca-file "$ca" \
        -a "$user" -p "$3" "${@:4}" < /dev/null 2>&1
}
for service in imap submission; do
    port=$(field "d['ports']['$service']")
    protocol=${service/submission/smtp}
    for arguments in "-m SCRAM-SHA-256-PLUS" "-m SCRAM-SHA-256 --no-cb"; do
        # shellcheck disable=SC2086
        said=$(sasl "$protocol" "$port" "$pass" $arguments) || { echo "$said"; echo "$service $arguments"; exit 1; }
        grep -q "finished (server trusted)" <<< "$said" || { echo "$said"; exit 1; }
        # shellcheck disable=SC2086
        if said=$(sasl "$protocol" "$port" "$pass-not" $arguments); then
            echo "$said"; echo "$service $arguments: a wrong password was taken"; exit 1
        fi
    done
    # Which binding it was: the first message begins with it.
    sasl "$protocol" "$port" "$pass" -m SCRAM-SHA-256-PLUS | tr -d '\r' |
        while read -r line; do base64 -d <<< "$line" 2> /dev/null | tr -d '\0' || true; done |
        grep -qa "p=tls-exporter,," || { echo "$service: the channel was not bound by tls-exporter"; exit 1; }
done

cat > "$work/rc" <<X
account demo
host localhost
port $(field "d['ports']['pop3']")
tls on
tls_starttls on
tls_trust_file $ca
auth scram-sha-256
user $user
password $pass
delivery maildir $work/mail
keep on
X
chmod 600 "$work/rc"
mkdir -p "$work"/mail/{cur,new,tmp}
said=$(timeout 60 mpop --debug -C "$work/rc" demo 2>&1) || { echo "$said"; exit 1; }
grep -q "AUTH SCRAM-SHA-256" <<< "$said" || { echo "$said"; exit 1; }
echo "== OK scram"
