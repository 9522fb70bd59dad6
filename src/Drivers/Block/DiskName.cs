using System.Globalization;

namespace Xenlet.Drivers.Block;

/// <summary>Names of disks as <c>xl</c> writes them, by device number: Xen's <c>docs/man/xen-vbd-interface</c>.</summary>
internal static class DiskName
{
    private const uint Extended = 1 << 28;

    /// <summary>The name of a device number; <c>vbd-NUMBER</c> for a number without a name.</summary>
    public static string Of(uint number)
    {
        if ((number & Extended) != 0)
        {
            return Make("xvd", (number & ~Extended) >> 8, number & 0xFF);
        }

        (uint major, uint minor) = (number >> 8, number & 0xFF);
        return major switch
        {
            202 => Make("xvd", minor >> 4, minor & 15),
            8 => Make("sd", minor >> 4, minor & 15),
            3 => Make("hd", minor >> 6, minor & 63),
            22 => Make("hd", 2 + (minor >> 6), minor & 63),
            _ => string.Create(CultureInfo.InvariantCulture, $"vbd-{number}"),
        };
    }

    private static string Make(string prefix, uint disk, uint partition)
    {
        string letters = "";
        for (long rest = disk; rest >= 0; rest = (rest / 26) - 1)
        {
            letters = (char)('a' + (rest % 26)) + letters;
        }

        return prefix + letters + (partition == 0 ? "" : partition.ToString(CultureInfo.InvariantCulture));
    }
}
