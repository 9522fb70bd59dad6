using Xenlet.Net;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// Behind which port of a switch a hardware address is. Addresses are learned from what ports send, and forgotten when they have sent
/// nothing for a while. Those of front ends are known and never learned, so that nobody takes them over. The caller serialises calls.
/// </summary>
/// <param name="maximum">The most addresses that are learned of one port.</param>
/// <param name="lifetime">How long an address is kept, in the caller's unit of time.</param>
/// <typeparam name="TPort">A port.</typeparam>
internal sealed class AddressTable<TPort>(int maximum, long lifetime)
    where TPort : class
{
    private readonly Dictionary<MacAddress, Entry> _entries = [];
    private readonly Dictionary<TPort, int> _learned = [];
    private long _forgotAt = long.MinValue;

    /// <summary>The number of addresses.</summary>
    public int Count => _entries.Count;

    /// <summary>Says behind which port the address of a front end is.</summary>
    public void Fix(MacAddress address, TPort port)
    {
        if (_entries.TryGetValue(address, out Entry entry) && !entry.IsFixed)
        {
            Drop(address, entry);
        }

        _entries[address] = new(port, 0, IsFixed: true);
    }

    /// <summary>Notes that a port has sent under an address. A port with too many keeps those that it has.</summary>
    public void Learn(MacAddress address, TPort port, long now)
    {
        if (_entries.TryGetValue(address, out Entry entry))
        {
            if (entry.IsFixed)
            {
                return;
            }

            Drop(address, entry);
        }

        int count = _learned.GetValueOrDefault(port);
        if (count >= maximum)
        {
            ForgetOld(now);
            count = _learned.GetValueOrDefault(port);
            if (count >= maximum)
            {
                return;
            }
        }

        _entries[address] = new(port, now, IsFixed: false);
        _learned[port] = count + 1;
    }

    /// <summary>The port behind which an address is, or null.</summary>
    public TPort? Find(MacAddress address, long now) =>
        _entries.TryGetValue(address, out Entry entry) && IsAlive(entry, now) ? entry.Port : null;

    /// <summary>Removes a port and its addresses.</summary>
    public void Remove(TPort port)
    {
        foreach ((MacAddress address, Entry entry) in _entries)
        {
            if (entry.Port == port)
            {
                _entries.Remove(address);
            }
        }

        _learned.Remove(port);
    }

    /// <summary>Forgets what is too old, seldom: it takes a look at every address, and any frame may ask for it.</summary>
    private void ForgetOld(long now)
    {
        if (_forgotAt != long.MinValue && now - _forgotAt < lifetime / 16)
        {
            return;
        }

        _forgotAt = now;
        foreach ((MacAddress address, Entry entry) in _entries)
        {
            if (!IsAlive(entry, now))
            {
                Drop(address, entry);
            }
        }
    }

    private void Drop(MacAddress address, in Entry entry)
    {
        _entries.Remove(address);
        _learned[entry.Port]--;
    }

    private bool IsAlive(in Entry entry, long now) => entry.IsFixed || now - entry.SeenAt < lifetime;

    private readonly record struct Entry(TPort Port, long SeenAt, bool IsFixed);
}
