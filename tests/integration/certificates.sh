#!/bin/bash
# Certificates for servers over TLS in tests; sourced after lib.sh. Files NAME.key and NAME.pem in $work.
#
#   new_key FILE                      a private key
#   make_ca NAME                      a CA of our own
#   make_certificate NAME HOST CA DAYS   for a host, by that CA (DAYS 0: until this very second)
#   make_self_signed NAME HOST        for a host, by itself
#   pin_of NAME                       sha256/BASE64 of its public key
: "${work:?lib.sh comes first}"
command -v openssl >/dev/null || fail "there is no openssl: tools/packages test installs it"

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1" 2>/dev/null; }

make_ca() { # NAME
  new_key "$work/$1.key"
  openssl req -x509 -new -key "$work/$1.key" -subj "/CN=$1" -days 30 -out "$work/$1.pem" 2>/dev/null
}

make_certificate() { # NAME HOST CA DAYS
  [ -e "$work/$1.key" ] || new_key "$work/$1.key"
  openssl req -new -key "$work/$1.key" -subj "/CN=server" -out "$work/$1.csr" 2>/dev/null
  openssl x509 -req -in "$work/$1.csr" -CA "$work/$3.pem" -CAkey "$work/$3.key" -days "$4" \
    -extfile <(echo "subjectAltName=DNS:$2") -out "$work/$1.pem" 2>/dev/null
}

make_self_signed() { # NAME HOST
  new_key "$work/$1.key"
  openssl req -x509 -new -key "$work/$1.key" -subj "/CN=server" -addext "subjectAltName=DNS:$2" -days 30 \
    -out "$work/$1.pem" 2>/dev/null
}

pin_of() { # NAME
  printf 'sha256/'
  openssl x509 -in "$work/$1.pem" -pubkey -noout | openssl pkey -pubin -outform DER |
    openssl dgst -sha256 -binary | base64
}
