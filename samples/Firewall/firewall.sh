# What dom0 does while the firewall runs (build.sh run --dom0): serves a page on its bridge, starts a Linux guest behind the firewall, and
# changes the rules.
filter=/local/domain/$GUEST/data/filter
changes=0

# Writes rules, and waits until they are in force.
rules() {
    echo "\$ xenstore-write \$filter/rules '$1'"
    xenstore-write "$filter/rules" "$1"
    changes=$((changes + 1))
    until xenstore-read "$filter/in-force" 2>/dev/null | grep "^change $changes:"; do usleep 50000; done
}

# Waits until the Linux guest has written a text so often, and shows its lines.
shown=0
linux_says() {
    tries=0
    until [ "$(grep -c "$2" "$LINUX_CONSOLE" 2>/dev/null)" -ge "$1" ]; do
        [ $((tries += 1)) -lt 1200 ] || { echo "the Linux guest has not said: $2"; tail -n 20 "$LINUX_CONSOLE"; exit 1; }
        usleep 100000
    done
    grep '^linux: ' "$LINUX_CONSOLE" | tail -n +$((shown + 1)) | tr -d '\r'
    shown=$(grep -c '^linux: ' "$LINUX_CONSOLE")
}

ip addr add 10.0.0.1/24 dev xenbr0
mkdir -p /tmp/www
echo 'dom0 greets whoever may read this' >/tmp/www/index.html
httpd -p 10.0.0.1:8080 -h /tmp/www

rules 'default reject'
xl create -e -q "$LINUX" "vif=['backend=$(xl domname "$GUEST"),bridge=lan,mac=00:16:3e:00:00:03,ip=10.0.0.3']"
linux_says 1 'refused'
rules 'accept tcp from guests to 10.0.0.1 port 8080; default reject'
linux_says 1 'is reached'
xenstore-write "$filter/rules" 'accept tcp to port http'
until xenstore-read "$filter/error" 2>/dev/null; do usleep 50000; done
rules 'default reject'
linux_says 2 'refused'
xl destroy linux
