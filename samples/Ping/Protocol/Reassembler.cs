namespace Xenlet.Samples;

/// <summary>What fragments of one packet have in common.</summary>
/// <param name="Source">Bytes of the sender's address.</param>
/// <param name="Id">The sender's number for the packet.</param>
internal readonly record struct FragmentKey(UInt128 Source, uint Id);

/// <summary>
/// Puts packets together from fragments that come in any order. Memory and time are bounded: there are a few places for unfinished
/// packets, the oldest of which gives way to another, and none is kept for longer than <see cref="Lifetime"/>.
/// </summary>
/// <remarks>
/// A fragment that comes twice is harmless. One that overlaps others in any other way, or says of the packet's end what others deny, is
/// no accident: the whole packet is forgotten (RFC 5722).
/// </remarks>
/// <param name="places">Packets that can be unfinished at a time; each costs 65 KiB.</param>
internal sealed class Reassembler(int places = 4)
{
    /// <summary>Longest packet, in bytes without headers.</summary>
    public const int MaximumLength = 65535;

    /// <summary>Milliseconds for which an unfinished packet is kept, as Linux does by default.</summary>
    public const long Lifetime = 30_000;

    private readonly Place[] _places = [.. Enumerable.Range(0, places).Select(_ => new Place())];

    /// <summary>Adds a fragment.</summary>
    /// <param name="key">Which packet it is of.</param>
    /// <param name="offset">Where in the packet it lies: a multiple of 8.</param>
    /// <param name="more">Others follow behind it.</param>
    /// <param name="fragment">Its bytes.</param>
    /// <param name="now">Milliseconds of any clock that does not go back.</param>
    /// <param name="whole">The packet, when this was all that was missing; good until the next call.</param>
    public bool TryComplete(FragmentKey key, int offset, bool more, ReadOnlySpan<byte> fragment, long now, out ReadOnlySpan<byte> whole)
    {
        whole = default;
        if (fragment.IsEmpty || offset % 8 != 0 || (more && fragment.Length % 8 != 0) || offset + fragment.Length > MaximumLength)
        {
            return false;
        }

        Place place = Find(key, now);
        if (!place.TryAdd(offset, more, fragment))
        {
            place.Clear();
            return false;
        }

        return place.TryTake(out whole);
    }

    private Place Find(FragmentKey key, long now)
    {
        Place oldest = _places[0];
        foreach (Place place in _places)
        {
            if (place.InUse && now - place.Since > Lifetime)
            {
                place.Clear();
            }

            if (place.InUse && place.Key == key)
            {
                return place;
            }

            if (oldest.InUse && (!place.InUse || place.Since < oldest.Since))
            {
                oldest = place;
            }
        }

        oldest.Begin(key, now);
        return oldest;
    }

    private sealed class Place
    {
        // Fragments come in units of 8 bytes; only the last of a packet may be shorter.
        private const int Unit = 8;

        private readonly byte[] _bytes = new byte[MaximumLength + 1];
        private readonly bool[] _present = new bool[(MaximumLength + 1) / Unit];
        private int _presentUnits;
        private int _length;
        private int _highest;

        public bool InUse { get; private set; }

        public FragmentKey Key { get; private set; }

        public long Since { get; private set; }

        public void Begin(FragmentKey key, long now)
        {
            Clear();
            (InUse, Key, Since) = (true, key, now);
        }

        public void Clear()
        {
            InUse = false;
            Array.Clear(_present);
            (_presentUnits, _length, _highest) = (0, 0, 0);
        }

        /// <summary>Adds a fragment; false when it contradicts what is there.</summary>
        public bool TryAdd(int offset, bool more, ReadOnlySpan<byte> fragment)
        {
            int end = offset + fragment.Length;
            bool lengthIsKnown = _length != 0;
            bool fits = more ? !lengthIsKnown || end < _length : lengthIsKnown ? end == _length : end > _highest;
            if (!fits)
            {
                return false;
            }

            Span<bool> present = _present.AsSpan(offset / Unit, (fragment.Length + Unit - 1) / Unit);
            Span<byte> bytes = _bytes.AsSpan(offset, fragment.Length);
            int already = present.Count(true);
            if (already != 0)
            {
                return already == present.Length && bytes.SequenceEqual(fragment);
            }

            present.Fill(true);
            fragment.CopyTo(bytes);
            _presentUnits += present.Length;
            (_length, _highest) = more ? (_length, Math.Max(_highest, end)) : (end, _highest);
            return true;
        }

        /// <summary>The packet, when it is complete; its place is free then.</summary>
        public bool TryTake(out ReadOnlySpan<byte> whole)
        {
            whole = _bytes.AsSpan(0, _length);
            if (_length == 0 || _presentUnits != (_length + Unit - 1) / Unit)
            {
                return false;
            }

            Clear();
            return true;
        }
    }
}
