using Xenlet.Net;
using Xenlet.Net.Base;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>
/// Packets of a port of which the first fragment has passed: their other fragments pass too. Nothing is put together. Fragments that come
/// before the first are dropped.
/// </summary>
internal sealed class FragmentTable
{
    /// <summary>The most packets; the oldest gives way.</summary>
    private const int Size = 64;

    /// <summary>How long the other fragments may take, in nanoseconds: as long as Linux waits for them.</summary>
    private const long Lifetime = 30 * StackTime.Second;

    private Entry[] _entries = [];
    private int _next;

    /// <summary>Notes what became of a first fragment.</summary>
    public void Note(in FilterPacket first, uint peer, int rulesChange, bool isAccepted, long now)
    {
        int index = Find(first, peer, rulesChange, now);
        if (index >= 0)
        {
            // A receiver may take either of two first fragments: both have to pass.
            _entries[index].IsAccepted &= isAccepted;
        }
        else if (isAccepted)
        {
            if (_entries.Length == 0)
            {
                _entries = new Entry[Size];
            }

            _entries[_next] = new()
            {
                Addresses = first.Flow.WithoutPorts,
                Protocol = first.Flow.Local.Address.IsIPv4 ? first.Protocol : (byte)0,
                Identification = first.Identification,
                Peer = peer,
                RulesChange = rulesChange,
                Since = now,
                IsUsed = true,
                IsAccepted = true,
            };
            _next = (_next + 1) % Size;
        }
    }

    /// <summary>Whether a fragment that is not the first may pass.</summary>
    public bool Passes(in FilterPacket fragment, uint peer, int rulesChange, long now) =>
        Find(fragment, peer, rulesChange, now) is >= 0 and int index && _entries[index].IsAccepted;

    private int Find(in FilterPacket fragment, uint peer, int rulesChange, long now)
    {
        // In IPv6, the protocol that a later fragment tells is not to be relied on (RFC 8200, section 4.5).
        byte protocol = fragment.Flow.Local.Address.IsIPv4 ? fragment.Protocol : (byte)0;
        Flow addresses = fragment.Flow.WithoutPorts;
        for (int i = 0; i < _entries.Length; i++)
        {
            ref Entry entry = ref _entries[i];
            if (entry.IsUsed && entry.Identification == fragment.Identification && entry.Protocol == protocol && entry.Peer == peer
                && entry.RulesChange == rulesChange && now - entry.Since < Lifetime && entry.Addresses == addresses)
            {
                return i;
            }
        }

        return -1;
    }

    private struct Entry
    {
        public Flow Addresses;
        public byte Protocol;
        public uint Identification;
        public uint Peer;
        public int RulesChange;
        public long Since;
        public bool IsUsed;
        public bool IsAccepted;
    }
}
