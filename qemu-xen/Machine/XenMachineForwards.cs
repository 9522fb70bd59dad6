namespace Xenlet.QemuXen;

/// <summary>Lets this machine's programs reach a guest.</summary>
public static class XenMachineForwards
{
    /// <summary>
    /// Joins the emulator's own network to the bridge of the guests' interfaces, so that ports of this machine lead to a guest, and what a
    /// guest sends elsewhere leaves through this machine. Once in a machine, and best before the guest starts: it may ask for an address.
    /// </summary>
    /// <returns>The ports of this machine.</returns>
    /// <exception cref="QemuXenException">A named port of this machine is taken, or dom0 does not find its new card.</exception>
    public static async Task<IReadOnlyList<PortForward>> ForwardAsync(
        this XenMachine machine,
        ForwardedNetwork network,
        IReadOnlyList<ForwardedPort> ports,
        CancellationToken cancellationToken = default)
    {
        IReadOnlyList<PortForward> forwards = await machine.Emulator.PlugNetworkAsync(network, ports, cancellationToken);
        const string Join = """
            while read -r module; do insmod "/lib/modules/$module.ko" 2>/dev/null; done </lib/modules/network
            tries=0
            until [ -d /sys/class/net/eth0 ]; do
                [ $((tries += 1)) -lt 500 ] || { echo "there is no network card eth0" >&2; exit 1; }
                usleep 20000
            done
            [ -d /sys/class/net/xenbr0 ] || { brctl addbr xenbr0 && ip link set xenbr0 up; } || exit 1
            brctl addif xenbr0 eth0 && ip link set eth0 up
            """;
        (await machine.RunInDom0Async(Join, cancellationToken: cancellationToken))
            .ThrowIfFailed("joining the emulator's network to dom0's bridge");
        return forwards;
    }
}
