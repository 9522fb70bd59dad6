using Xenlet.QemuXen;

namespace Xenlet.Tool.Runs;

/// <summary>The emulator's network for a guest.</summary>
internal static class GuestNetwork
{
    /// <summary>The network in which the guest's variables give it an address, or the one that gives it an address by DHCP.</summary>
    public static ForwardedNetwork Of(IEnumerable<KeyValuePair<string, string>> variables) =>
        variables.Where(variable => variable.Key == "XENLET_IP")
            .SelectMany(variable => variable.Value.Split(','))
            .Select(ForwardedNetwork.Parse)
            .FirstOrDefault(network => network is not null) ?? ForwardedNetwork.Default;
}
