# What dom0 does while the guest runs (build.sh run --dom0): gives its bridge an address, and is the guest's client. The certificate is
# signed by itself, hence -k. What is sent to a WebSocket are the bytes of RFC 6455, since curl has no word for it: a message and the end.
http=http://10.0.0.2:8080
https=https://10.0.0.2:8443
failed=0

ask() {
    echo "\$ curl $*"
    curl -sS --fail-with-body "$@" || failed=1
    echo
}

# Waits until a file has this text, a minute at most.
comes() {
    tries=0
    until grep -q "$1" "$2" || [ $((tries += 1)) -gt 600 ]; do usleep 100000; done
}

ip addr add 10.0.0.1/24 dev xenbr0
until curl -s -o /dev/null $http/; do usleep 100000; done

ask $http/hello/dom0
ask --json '{"values":[1,2,39]}' $http/sum
ask $http/
ask -k --http1.1 $https/hello/tls
ask -k --http2 $https/hello/alpn

dd if=/dev/urandom of=/tmp/sent bs=1024 count=1024 2>/dev/null
ask -T /tmp/sent $http/files/1
ask -o /tmp/returned $http/files/1
sha256sum /tmp/sent /tmp/returned
cmp /tmp/sent /tmp/returned || failed=1
rm -f /tmp/sent /tmp/returned

: >/tmp/websocket
{
    printf 'GET /echo HTTP/1.1\r\nHost: guest\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    printf 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
    printf '\201\220\0\0\0\0over a WebSocket\210\200\0\0\0\0'
    comes 'over a WebSocket' /tmp/websocket
} | nc 10.0.0.2 8080 >/tmp/websocket
grep -a -o -e '101 .*' -e 'over a WebSocket' /tmp/websocket || failed=1

: >/tmp/slow
ask -N $http/slow/5 | tee /tmp/slow &
comes 'this takes' /tmp/slow
echo "\$ xl shutdown"
xl shutdown "$GUEST"
wait $!
grep -q 'is answered' /tmp/slow || failed=1
rm -f /tmp/websocket /tmp/slow
exit $failed
