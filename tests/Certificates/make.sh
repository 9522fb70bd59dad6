#!/bin/sh
# Makes the certificates of the tests anew: two authorities that know nothing of each other, servers and clients. They protect nothing.
# 10.99.5.1 is dom0 in tests/Guest.Tests; nobody serves at the addresses of revocation lists and missing issuers.
set -eu
cd "$(dirname "$0")"
rm -f ./*.pem ./*.key ./*.pfx

authority() { # FILE NAME
    openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 36500 -subj "/CN=$2" -keyout "$1.key" -out "$1.pem" \
        -addext keyUsage=critical,keyCertSign,cRLSign
}

certificate() { # FILE AUTHORITY SUBJECT KEY-TYPE OPTION BEGIN END EXTENSION...
    file=$1 issuer=$2 subject=$3 type=$4 option=$5 begin=$6 end=$7
    shift 7
    openssl genpkey -algorithm "$type" -pkeyopt "$option" -out "$file.key"
    openssl req -new -key "$file.key" -subj "$subject" -out "$work/request"
    printf '%s\n' "basicConstraints=critical,CA:FALSE" "$@" > "$work/extensions"
    : > "$work/database"
    openssl rand -hex 8 > "$work/serial"
    printf '%s\n' "[ca]" "default_ca=a" "[a]" "database=$work/database" "serial=$work/serial" "new_certs_dir=$work" \
        "default_md=sha256" "policy=p" "[p]" "commonName=supplied" > "$work/configuration"
    openssl ca -batch -notext -config "$work/configuration" -cert "$issuer.pem" -keyfile "$issuer.key" -in "$work/request" \
        -out "$file.pem" -extfile "$work/extensions" -startdate "$begin" -enddate "$end"
}

pkcs12() { # FILE OF OPTION...
    file=$1 of=$2
    shift 2
    openssl pkcs12 -export -inkey "$of.key" -in "$of.pem" -passout pass:guest -out "$file.pfx" "$@"
}

work=$(mktemp -d)
server="extendedKeyUsage=serverAuth"
client="extendedKeyUsage=clientAuth"
names="subjectAltName=DNS:guest.test,DNS:localhost,IP:127.0.0.1,IP:10.99.5.1"
rsa="RSA rsa_keygen_bits:2048"
curve="EC ec_paramgen_curve:P-256"
valid="200101000000Z 21260101000000Z"
remote=http://127.0.0.1:20443

# shellcheck disable=SC2086
{
    authority authority "Xenlet test authority"
    authority stranger-authority "Nobody"
    certificate server authority /CN=guest.test $rsa $valid "$server" "$names"
    certificate second authority /CN=second.test $curve $valid "$server" subjectAltName=DNS:second.test
    certificate wild authority "/CN=*.wild.test" $curve $valid "$server" "subjectAltName=DNS:*.wild.test"
    certificate stranger stranger-authority /CN=guest.test $curve $valid "$server" "$names"
    certificate expired authority /CN=guest.test $curve 200101000000Z 210101000000Z "$server" "$names"
    certificate remote authority /CN=guest.test $curve $valid "$server" "$names" \
        "authorityInfoAccess=caIssuers;URI:$remote/authority.crt" "crlDistributionPoints=URI:$remote/authority.crl"
    certificate client authority /CN=client $curve $valid "$client"
    certificate stranger-client stranger-authority /CN=client $curve $valid "$client"
}
pkcs12 server server
# As Windows and older tools write it: RC2 with 40 bits, which OpenSSL 3 has in its legacy provider alone.
pkcs12 rc2 second -legacy -certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-3DES
rm -r "$work" remote.key authority.key stranger-authority.key
chmod a+r ./*
