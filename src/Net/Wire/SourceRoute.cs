using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>
/// The hosts through which packets of IPv4 go on their way to a destination: the options 131 and 137 of RFC 791, section 3.1. It never
/// changes.
/// </summary>
internal sealed class SourceRoute
{
    /// <summary>Bytes of a header's options at most.</summary>
    public const int LargestOptions = 40;

    /// <summary>The loose source and record route.</summary>
    public const byte Loose = 131;

    /// <summary>The strict one: each host is a neighbour of the one before.</summary>
    public const byte Strict = 137;

    /// <summary>Type, length, pointer.</summary>
    private const int FixedSize = 3;

    /// <summary>Counts from 1: the first address.</summary>
    private const byte FirstPointer = 4;

    private const int AddressSize = 4;

    private readonly InternetAddress[] _hops;

    private SourceRoute(bool isStrict, InternetAddress[] hops)
    {
        IsStrict = isStrict;
        _hops = hops;
    }

    public bool IsStrict { get; }

    /// <summary>Where packets go first: the destination in their headers.</summary>
    public InternetAddress FirstHop => _hops[0];

    /// <summary>Bytes that the option takes in a packet's header, which has the later hops and the destination, with its padding.</summary>
    public int Size => (FixedSize + (AddressSize * _hops.Length) + 3) & ~3;

    /// <summary>
    /// Reads what a user gives, as Linux takes it (IP_OPTIONS): one source route and padding, its pointer at the first address, which is
    /// where packets go first. Nothing but padding is no route.
    /// </summary>
    /// <returns>False for another option, which nobody would obey, and for a route that no header could have.</returns>
    public static bool TryParse(ReadOnlySpan<byte> options, out SourceRoute? route)
    {
        route = null;
        if (options.Length > LargestOptions || !IPv4Options.TryFindRoute(options, out ReadOnlySpan<byte> option, out bool hasOthers)
            || hasOthers)
        {
            return false;
        }

        if (option.IsEmpty)
        {
            return true;
        }

        int length = option.Length - FixedSize;
        if (length < AddressSize || length % AddressSize != 0 || option[2] != FirstPointer)
        {
            return false;
        }

        InternetAddress[] hops = new InternetAddress[length / AddressSize];
        for (int i = 0; i < hops.Length; i++)
        {
            hops[i] = InternetAddress.Read(option.Slice(FixedSize + (i * AddressSize), AddressSize));
        }

        route = new SourceRoute(option[0] == Strict, hops);
        return true;
    }

    /// <summary>
    /// The way back of a packet that has come to the end of its route: through the hosts that are recorded there, the last one first. The
    /// source itself, which some record, is left out (RFC 1122, section 3.2.1.8).
    /// </summary>
    /// <param name="option">The option of the packet.</param>
    /// <param name="source">Who has sent it.</param>
    /// <param name="route">The route; null if it has no hosts.</param>
    /// <returns>False for a packet that is to go on to another host.</returns>
    public static bool TryReverse(ReadOnlySpan<byte> option, InternetAddress source, out SourceRoute? route)
    {
        route = null;
        int length = option.Length - FixedSize;
        if (length < 0 || length % AddressSize != 0 || option[2] <= option.Length)
        {
            return false;
        }

        int count = length / AddressSize;
        if (count > 0 && InternetAddress.Read(option.Slice(FixedSize, AddressSize)) == source)
        {
            option = option[AddressSize..];
            count--;
        }

        if (count == 0)
        {
            return true;
        }

        InternetAddress[] hops = new InternetAddress[count];
        for (int i = 0; i < count; i++)
        {
            hops[count - 1 - i] = InternetAddress.Read(option.Slice(FixedSize + (i * AddressSize), AddressSize));
        }

        route = new SourceRoute(option[0] == Strict, hops);
        return true;
    }

    /// <summary>Whether another route leads through the same hosts.</summary>
    public bool IsSameAs(SourceRoute other) => IsStrict == other.IsStrict && _hops.AsSpan().SequenceEqual(other._hops);

    /// <summary>Writes the option of a packet on its way to the first hop: <see cref="Size"/> bytes.</summary>
    /// <param name="bytes">Where.</param>
    /// <param name="destination">The end of the route.</param>
    public void Write(Span<byte> bytes, InternetAddress destination)
    {
        bytes[..Size].Clear();
        bytes[0] = IsStrict ? Strict : Loose;
        bytes[1] = (byte)(FixedSize + (AddressSize * _hops.Length));
        bytes[2] = FirstPointer;
        for (int i = 1; i <= _hops.Length; i++)
        {
            uint next = i < _hops.Length ? _hops[i].IPv4 : destination.IPv4;
            BinaryPrimitives.WriteUInt32BigEndian(bytes[(FixedSize + ((i - 1) * AddressSize))..], next);
        }
    }
}
