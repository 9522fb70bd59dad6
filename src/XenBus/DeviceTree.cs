using System.Globalization;
using System.Text;

namespace Xenlet.XenBus;

/// <summary>The devices of some buses as text, for people.</summary>
public static class DeviceTree
{
    /// <summary>One line a bus and one a device: type and id, driver, both states, and where the other end is.</summary>
    public static string Format(params IEnumerable<DeviceBus> buses)
    {
        ArgumentNullException.ThrowIfNull(buses);
        StringBuilder text = new("xenstore\n");
        foreach (DeviceBus bus in buses)
        {
            text.Append("  ").Append(bus.Node).Append('\n');
            foreach (XenDevice device in bus.Devices)
            {
                text.Append(CultureInfo.InvariantCulture,
                    $"    {device.Name}  {device.Driver?.Name ?? "(no driver)"}  {device.State}{Busy(device)}  <-> {device.OtherEndState} at domain {device.OtherEndId}, {device.OtherEndPath}\n");
            }
        }

        return text.ToString();
    }

    private static string Busy(XenDevice device) => device.Phase switch
    {
        XenDevicePhase.Attaching => " (attaching)",
        XenDevicePhase.Departing => " (departing)",
        _ => "",
    };
}
