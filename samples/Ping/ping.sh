# What dom0 does while the guest runs (build.sh run --dom0): gives its bridge an address and pings the guest, in one frame and in fragments.
bridge=xenbr0
failed=0

# The guest tells its addresses, all at once, when it answers.
address_of() {
    xenstore-read "/local/domain/$GUEST/attr/vif/0/$1/0" 2>/dev/null
}

until address_of ipv4 >/dev/null || address_of ipv6 >/dev/null; do
    usleep 100000
done

# The two are neighbours, whatever the guest's address: a route of its own says so.
if ipv4=$(address_of ipv4); then
    ip addr add 10.0.0.1/32 dev $bridge
    ip route add "$ipv4" dev $bridge
    for size in 56 1472 20000; do
        ping -c 2 -s $size "$ipv4" || failed=1
    done
fi

if ipv6=$(address_of ipv6); then
    # Nobody else here can have the address: it need not be asked for.
    echo 0 >/proc/sys/net/ipv6/conf/$bridge/accept_dad
    ip -6 addr add fd00::1/128 dev $bridge
    ip -6 route add "$ipv6" dev $bridge
    for size in 56 1452 20000; do
        ping6 -c 2 -s $size "$ipv6" || failed=1
    done
fi

exit $failed
