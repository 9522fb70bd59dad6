using System.Globalization;
using Xenlet.Drivers;
using Xenlet.XenBus;

namespace Xenlet.Samples;

/// <summary>Writes what happens on the buses, one line each, with the seconds since the program's start.</summary>
internal sealed class EventLog(BlockDriver disks, params DeviceBus[] buses)
{
    private readonly Lock _lock = new();
    private readonly DateTimeOffset _start = DateTimeOffset.UtcNow;
    private readonly List<XenBusEvents> _streams = [];

    /// <summary>Writes what happens from now on, until the buses end.</summary>
    public void Start()
    {
        _streams.AddRange(buses.Select(bus => bus.Subscribe()));
        _streams.ForEach(events => _ = FollowAsync(events));
    }

    /// <summary>Writes text behind all that has happened until now.</summary>
    public void WriteBehind(params ReadOnlySpan<string> texts)
    {
        lock (_lock)
        {
            foreach (XenBusEvents events in _streams)
            {
                while (events.TryRead(out XenBusEvent? happened))
                {
                    Write(happened);
                }
            }

            foreach (string text in texts)
            {
                Console.Write(text);
            }
        }
    }

    private async Task FollowAsync(XenBusEvents events)
    {
        await foreach (XenBusEvent happened in events)
        {
            lock (_lock)
            {
                Write(happened);
            }
        }
    }

    private void Write(XenBusEvent happened)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[{(happened.Time - _start).TotalSeconds,7:0.000}] {happened}"));
        if (happened is { Kind: XenBusEventKind.StateChanged, Device: { State: XenBusState.Connected } device }
            && disks.Find(device) is { } disk)
        {
            Console.WriteLine($"          {disk}");
        }
    }
}
