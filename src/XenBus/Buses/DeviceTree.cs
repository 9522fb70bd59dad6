using System.Globalization;
using System.Text;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>The devices of some buses as text, for people.</summary>
public static class DeviceTree
{
    /// <summary>
    /// Formats one line for each bus and one for each device: type and id, driver, both states, and where the other end is. A line of the
    /// driver's own follows if it has something to say.
    /// </summary>
    public static string Format(params IEnumerable<DeviceBus> buses) => Format(buses, device => device.OtherEndState);

    /// <summary>
    /// Does the same, and reads the states of the other ends of devices without driver. Nothing follows those, so
    /// <see cref="Format(IEnumerable{DeviceBus})"/> shows them as Unknown.
    /// </summary>
    public static async Task<string> FormatAsync(params IEnumerable<DeviceBus> buses)
    {
        ArgumentNullException.ThrowIfNull(buses);
        DeviceBus[] all = [.. buses];
        IEnumerable<XenDevice> unfollowed = all.SelectMany(bus => bus.Devices).Where(device => device.Phase == XenDevicePhase.NoDriver);
        KeyValuePair<XenDevice, XenBusState>[] read = await Task.WhenAll(unfollowed.Select(ReadAsync)).ConfigureAwait(EventLoop.IsCurrent);
        Dictionary<XenDevice, XenBusState> states = read.ToDictionary();
        return Format(all, device => states.GetValueOrDefault(device, device.OtherEndState));

        static async Task<KeyValuePair<XenDevice, XenBusState>> ReadAsync(XenDevice device)
        {
            try
            {
                return new(device, await device.ReadOtherEndStateAsync().ConfigureAwait(EventLoop.IsCurrent));
            }
            catch (XenStoreException)
            {
                return new(device, XenBusState.Unknown);
            }
        }
    }

    private static string Format(IEnumerable<DeviceBus> buses, Func<XenDevice, XenBusState> otherEndState)
    {
        ArgumentNullException.ThrowIfNull(buses);
        StringBuilder text = new("xenstore\n");
        foreach (DeviceBus bus in buses)
        {
            text.Append("  ").Append(bus.Node).Append('\n');
            foreach (XenDevice device in bus.Devices)
            {
                text.Append(CultureInfo.InvariantCulture,
                    $"    {device.Name}  {device.Driver?.Name ?? "(no driver)"}  {device.State}{Busy(device)}");
                text.Append(CultureInfo.InvariantCulture, $"  <-> {otherEndState(device)} at domain {device.OtherEndId}, ");
                text.Append(ForeignText.Escape(device.OtherEndPath)).Append('\n');
                if (device.SpuriousEvents is > 0 and long events)
                {
                    text.Append(CultureInfo.InvariantCulture, $"      {events} events brought nothing\n");
                }

                if (Describe(device) is { } description)
                {
                    text.Append("      ").Append(ForeignText.Escape(description)).Append('\n');
                }
            }
        }

        return text.ToString();
    }

    private static string? Describe(XenDevice device)
    {
        try
        {
            return device.Session?.Describe();
        }
        catch (Exception error)
        {
            // People read the tree to find what is wrong: a driver in trouble must not hide the other devices.
            return $"(its driver cannot say more: {error.Message})";
        }
    }

    private static string Busy(XenDevice device) => device.Phase switch
    {
        XenDevicePhase.Attaching => " (attaching)",
        XenDevicePhase.Departing => " (departing)",
        _ => "",
    };
}
