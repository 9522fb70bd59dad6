using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.BackEnds.Tests;

/// <summary>A device of domain 0 that domain 1 serves, as libxl makes and removes it for <c>backend=NAME</c>.</summary>
/// <param name="host">The host.</param>
/// <param name="type">The device's type.</param>
/// <param name="id">Its number.</param>
/// <param name="directory">Where domain 0 has its end; anywhere but in <c>device</c>, the front bus leaves it alone.</param>
/// <param name="clock">The back bus's clock, which moves on while a directory is to vanish; null if it moves by itself.</param>
internal sealed class ToolStackDevice(Host host, string type, string id, string directory = "device", ManualClock? clock = null)
{
    private string Name => $"{type}/0/{id}";

    public string Back => $"{Host.Home}/backend/{Name}";

    public string Front => $"/local/domain/0/{directory}/{type}/{id}";

    /// <summary>xl block-attach or network-attach.</summary>
    public ValueTask AttachAsync((string Name, string Value)[] backNodes, (string Name, string Value)[] frontNodes) =>
        host.Dom0.TransactAsync(async (transaction, _) =>
        {
            await Host.MakeAsync(transaction, Front, 0, Host.Guest);
            await Host.MakeAsync(transaction, Back, Host.Guest, 0);
            foreach ((string node, string value) in (IEnumerable<(string, string)>)[
                ("frontend", Front), ("frontend-id", "0"), .. backNodes, ("online", "1"), ("state", "1")])
            {
                await transaction.WriteAsync($"{Back}/{node}", value);
            }

            foreach ((string node, string value) in (IEnumerable<(string, string)>)[
                ("backend", Back), ("backend-id", $"{Host.Guest}"), .. frontNodes, ("state", "1")])
            {
                await transaction.WriteAsync($"{Front}/{node}", value);
            }
        });

    /// <summary>What xl writes before it waits for the device to vanish.</summary>
    public ValueTask DetachAsync() => host.Dom0.TransactAsync(async (transaction, _) =>
    {
        await transaction.WriteAsync(Back + "/online", 0);
        await transaction.WriteAsync(Back + "/state", (long)XenBusState.Closing);
    });

    /// <summary>Waits for a state of the back end; null for none, since its directory has vanished.</summary>
    public Task UntilBackAsync(XenBusState? state) => host.UntilAsync(async () =>
    {
        if (state is null)
        {
            clock?.Advance(TimeSpan.FromSeconds(1));
        }

        return (await host.Dom0.TryReadAsync(Back + "/state") is { } value ? XenBusStates.Parse(value) : null) == state;
    });

    /// <summary>Waits until the back end's error node has a text.</summary>
    public Task ErrorAsync(string part) => host.UntilAsync(async () =>
        (await host.Dom0.TryReadAsync($"{Host.Home}/error/backend/{Name}/error"))?.Contains(part, StringComparison.Ordinal) == true);
}
