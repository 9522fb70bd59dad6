using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.GuestImage;

/// <summary>What a case with devices has left allocated: the host's tests expect nothing.</summary>
internal static class Leftovers
{
    public static void Report(GuestStatistics before)
    {
        // First, since this call makes the kernel try again to end grants that back ends had mapped when their devices were removed.
        int held = Guest.Pages.HeldPages;
        GuestStatistics after = Guest.ReadStatistics();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"left: {(long)(after.Grants - before.Grants)} grants, {(long)(after.SharedPages - before.SharedPages)} shared pages, "
            + $"{held} held pages"));
    }
}
