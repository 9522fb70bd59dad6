# What dom0 does while the guest runs (build.sh run --dom0): gives its bridge an address, and sends a file by TCP, which the guest
# sends back.
bridge=xenbr0
guest=10.0.0.2
failed=0
ip addr add 10.0.0.1/24 dev $bridge
until ping -c 1 -W 1 $guest >/dev/null; do
    usleep 100000
done

dd if=/dev/urandom of=/tmp/sent bs=1024 count=1024 2>/dev/null
nc $guest 7 </tmp/sent >/tmp/returned || failed=1
sha256sum /tmp/sent /tmp/returned
cmp /tmp/sent /tmp/returned || failed=1
rm -f /tmp/sent /tmp/returned
exit $failed
