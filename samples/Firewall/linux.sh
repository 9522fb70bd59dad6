# What the Linux guest does behind the firewall (build.sh run --linux): asks dom0 for a page, again and again,
# and tells when there is another answer.
until [ -d /sys/class/net/eth0 ]; do usleep 20000; done
ifconfig eth0 10.0.0.3 netmask 255.255.255.0 up
before=
while :; do
    if page=$(wget -q -T 5 -O - http://10.0.0.1:8080/ 2>&1); then
        now="10.0.0.1 port 8080 is reached: $page"
    else
        now="10.0.0.1 port 8080 is refused: $page"
    fi
    [ "$now" = "$before" ] || echo "linux: $now"
    before=$now
    usleep 300000
done
