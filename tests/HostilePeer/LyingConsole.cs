using System.Runtime.InteropServices;
using Xenlet.XenStoreRing;

namespace Xenlet.HostilePeer;

/// <summary>The back end of a guest's console (<c>io/console.h</c>), in the place of a xenconsoled that has ended.</summary>
internal sealed class LyingConsole : IDisposable
{
    /// <summary>GNTTAB_RESERVED_CONSOLE: the grant that the tool stack has made in the guest's name.</summary>
    private const uint ReservedConsole = 0;

    private const uint InputSize = 1024;
    private const int InputConsumed = 3072;
    private const int InputProduced = 3076;
    private const int OutputConsumed = 3080;
    private const int OutputProduced = 3084;
    private readonly GrantMapper _grants;
    private readonly MappedPage _page;
    private readonly EventPort _events;
    private readonly Random _random = new(1);
    private long _taken;

    private LyingConsole(uint domain, uint port)
    {
        _grants = new(domain);
        _page = _grants.TryMap(ReservedConsole) ?? throw new InvalidOperationException($"the console of domain {domain} cannot be mapped");
        _events = new(domain, port);
    }

    /// <summary>The behaviours. The time is the duration of each.</summary>
    public static IReadOnlyDictionary<string, Action<LyingConsole, TimeSpan>> Behaviours { get; } =
        new Dictionary<string, Action<LyingConsole, TimeSpan>>
        {
            ["honest"] = (console, time) => LyingBackEnd.Repeat(time, console.Serve),
            ["busy"] = (_, time) => LyingBackEnd.SpinAsync(time),
            ["deaf"] = (console, time) => LyingBackEnd.Repeat(time, () => console._events.Wait(20)),
            ["storm"] = (console, time) => LyingBackEnd.Repeat(time, console.Notify),
            ["flood"] = (console, time) => LyingBackEnd.Repeat(time, console.Flood),
            ["living-index"] = (console, time) => LyingBackEnd.Repeat(time, console.LiveIndex),
            ["ahead"] = (console, time) => LyingBackEnd.Repeat(time, console.RunAhead),
        };

    public static async Task<LyingConsole> ConnectAsync(XenStoreClient store, uint domain) =>
        new(domain, (uint)await store.ReadInt32Async($"/local/domain/{domain}/console/port"));

    /// <summary>Bytes that were taken from the guest.</summary>
    public long Taken => _taken;

    public void Dispose()
    {
        _events.Dispose();
        _page.Dispose();
        _grants.Dispose();
    }

    private ref uint Index(int offset) => ref MemoryMarshal.AsRef<uint>(_page.Bytes[offset..]);

    private void Notify() => _events.Notify();

    private void Serve()
    {
        uint produced = Volatile.Read(ref Index(OutputProduced));
        uint count = produced - Index(OutputConsumed);
        _taken += count;
        if (count > 0)
        {
            Volatile.Write(ref Index(OutputConsumed), produced);
            _events.Notify();
        }

        _events.Wait(20);
    }

    /// <summary>Types as fast as the guest reads, in lines, and takes what is echoed.</summary>
    private void Flood()
    {
        uint consumed = Volatile.Read(ref Index(InputConsumed));
        uint produced = Index(InputProduced);
        for (; produced - consumed < InputSize; produced++)
        {
            _page.Bytes[(int)(produced % InputSize)] = produced % 64 == 0 ? (byte)'\r' : (byte)('a' + (produced % 26));
            Volatile.Write(ref Index(InputProduced), produced + 1);
        }

        Volatile.Write(ref Index(OutputConsumed), Volatile.Read(ref Index(OutputProduced)));
        _events.Notify();
    }

    /// <summary>Input that is there or not, changing between two reads.</summary>
    private void LiveIndex()
    {
        _events.Notify();
        for (int i = 0; i < 1000; i++)
        {
            Volatile.Write(ref Index(InputProduced), Volatile.Read(ref Index(InputConsumed)) + (uint)_random.Next(0, 8));
        }
    }

    private void RunAhead()
    {
        Volatile.Write(ref Index(InputProduced), Volatile.Read(ref Index(InputConsumed)) + (5 * InputSize));
        _events.Notify();
    }
}
