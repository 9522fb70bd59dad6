using System.Globalization;

namespace Xenlet.GuestWork;

/// <summary>Conversions between time zones, whose rules come from tzdata.</summary>
internal static class ZonesWork
{
    private static readonly string[] Zones =
        ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "Etc/GMT+5"];

    /// <summary>
    /// Before there were rules, around changes of the clock on both hemispheres, a day that Apia left out, and beyond the files' tables.
    /// </summary>
    private static readonly string[] Moments =
    [
        "1850-01-01T00:00", "1945-07-01T12:00", "1979-12-31T23:59", "2011-12-30T12:00", "2024-03-31T00:59", "2024-03-31T01:00",
        "2024-03-31T02:30", "2024-10-27T00:30", "2024-10-27T01:30", "2024-11-03T05:30", "2024-11-03T06:30", "2025-04-05T15:10",
        "2026-02-28T23:00", "2037-12-31T23:59", "2050-07-01T00:00", "2100-12-31T23:59",
    ];

    public static void Run()
    {
        foreach (TimeZoneInfo zone in Zones.Select(TimeZoneInfo.FindSystemTimeZoneById).Append(TimeZoneInfo.Local))
        {
            Console.WriteLine($"{zone.Id} {zone.BaseUtcOffset} {zone.SupportsDaylightSavingTime} {zone.HasIanaId}");
            foreach (string text in Moments)
            {
                DateTime moment = DateTime.Parse(
                    text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
                DateTime there = TimeZoneInfo.ConvertTimeFromUtc(moment, zone);
                DateTime wall = DateTime.SpecifyKind(moment, DateTimeKind.Unspecified);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{text}Z {there:yyyy-MM-ddTHH:mm:ss} {zone.GetUtcOffset(moment)} {zone.IsDaylightSavingTime(moment)}; "
                    + $"as wall time {zone.GetUtcOffset(wall)} {zone.IsInvalidTime(wall)} {zone.IsAmbiguousTime(wall)}"));
            }
        }

        Console.WriteLine($"listed: {Zones[..^1].All(id => TimeZoneInfo.GetSystemTimeZones().Any(zone => zone.Id == id))}");
        Console.WriteLine(new DateTime(2024, 7, 1, 12, 0, 0, DateTimeKind.Utc).ToLocalTime().ToString("O", CultureInfo.InvariantCulture));
    }
}
