# What the Linux guest does behind the firewall (build.sh run --linux): asks dom0 for a page, again and again, and tells when there is
# another answer.
until [ -d /sys/class/net/eth0 ]; do usleep 20000; done
ifconfig eth0 10.0.0.3 netmask 255.255.255.0 up
before=
while :; do
    if page=$(wget -O - http://10.0.0.1:8080/ 2>/error); then
        now="port 8080 of dom0 is reached: $page"
    else
        now="port 8080 of dom0 is not reached: $(tail -n 1 /error)"
    fi
    [ "$now" = "$before" ] || echo "linux: $now"
    before=$now
    usleep 300000
done
