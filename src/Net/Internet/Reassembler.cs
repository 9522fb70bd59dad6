using System.Buffers.Binary;
using Xenlet.Net.Base;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>Makes packets of fragments (RFC 791, RFC 8200, section 4.5), so many at once and for so long.</summary>
internal sealed class Reassembler
{
    /// <summary>How many packets are under way at once: each has a buffer of 64 KiB. The oldest gives way.</summary>
    public const int Capacity = 16;

    /// <summary>
    /// As Linux; RFC 1122, section 3.3.2, has one to two minutes, in which more would be lost to whoever fills the table.
    /// </summary>
    private const long IPv4Time = 30 * StackTime.Second;

    /// <summary>RFC 8200, section 4.5.</summary>
    private const long IPv6Time = 60 * StackTime.Second;

    private readonly InternetLayer _layer;
    private readonly Reassembly[] _all = new Reassembly[Capacity];

    public Reassembler(InternetLayer layer)
    {
        _layer = layer;
        for (int i = 0; i < Capacity; i++)
        {
            _all[i] = new Reassembly(OnExpired);
        }
    }

    /// <summary>Adds a fragment.</summary>
    /// <param name="key">Which packet it is of.</param>
    /// <param name="offset">Where it belongs in the packet's data, in bytes.</param>
    /// <param name="hasMore">Whether it is not the last.</param>
    /// <param name="data">Its data.</param>
    /// <param name="header">The headers before the data that every fragment has.</param>
    /// <returns>The whole packet with those headers before its data, the caller's; or null.</returns>
    public PacketBuffer? Add(in FragmentKey key, int offset, bool hasMore, ReadOnlySpan<byte> data, ReadOnlySpan<byte> header)
    {
        IpStatistics statistics = _layer.StatisticsOf(key.Source.IsIPv4);
        statistics.ReasmReqds++;

        // All fragments but the last have a multiple of eight bytes, and the packet fits into its length field, which does not count
        // IPv6's own header.
        int counted = key.Source.IsIPv4 ? header.Length : header.Length - IPv6Header.Size;
        if (data.IsEmpty || (hasMore && data.Length % 8 != 0) || offset + data.Length > PacketBuffer.LargestPacket - counted)
        {
            statistics.ReasmFails++;
            return null;
        }

        Reassembly reassembly = FindOrStart(key);
        if (reassembly.Buffer is null)
        {
            return null;
        }

        if (!reassembly.TryAdd(offset, hasMore, data, header))
        {
            statistics.ReasmFails++;
            _layer.Pool.Return(reassembly.GiveUp()!);
            return null;
        }

        if (!reassembly.IsWhole)
        {
            return null;
        }

        statistics.ReasmOKs++;
        _layer.Timers.Cancel(reassembly.Timer!);
        PacketBuffer packet = PutHeaderBack(reassembly);
        reassembly.End();
        return packet;
    }

    private static PacketBuffer PutHeaderBack(Reassembly reassembly)
    {
        PacketBuffer packet = reassembly.GiveUp()!;
        ReadOnlySpan<byte> header = reassembly.Header;
        header.CopyTo(packet.Prepend(header.Length));
        packet.InternetHeaderLength = header.Length;
        return packet;
    }

    private Reassembly FindOrStart(in FragmentKey key)
    {
        Reassembly? free = null;
        Reassembly oldest = _all[0];
        foreach (Reassembly each in _all)
        {
            if (!each.IsUsed)
            {
                free ??= each;
            }
            else if (each.Key == key)
            {
                return each;
            }
            else if (each.StartedAt < oldest.StartedAt)
            {
                oldest = each;
            }
        }

        if (free is null)
        {
            _layer.StatisticsOf(oldest.Key.Source.IsIPv4).ReasmFails++;
            Drop(oldest);
            free = oldest;
        }

        long now = _layer.Clock.Now;
        free.Start(key, _layer.Pool.Rent(PacketBuffer.LargestPacket), now);
        _layer.Timers.Set(free.Timer!, now + (key.Source.IsIPv4 ? IPv4Time : IPv6Time));
        return free;
    }

    private void Drop(Reassembly reassembly)
    {
        _layer.Timers.Cancel(reassembly.Timer!);
        if (reassembly.GiveUp() is { } buffer)
        {
            _layer.Pool.Return(buffer);
        }

        reassembly.End();
    }

    private void OnExpired(Reassembly reassembly)
    {
        IpStatistics statistics = _layer.StatisticsOf(reassembly.Key.Source.IsIPv4);
        if (reassembly.Buffer is not null)
        {
            statistics.ReasmTimeout++;
            statistics.ReasmFails++;
            if (reassembly is { HasFirst: true, FirstPieceLength: > 0 })
            {
                TellSender(reassembly);
                return;
            }
        }

        Drop(reassembly);
    }

    /// <summary>Whoever sent the first fragment is told that others did not come.</summary>
    private void TellSender(Reassembly reassembly)
    {
        FragmentKey key = reassembly.Key;
        int length = reassembly.FirstPieceLength;
        bool isIPv4 = key.Source.IsIPv4;
        byte protocol = key.Protocol;
        PacketBuffer packet = PutHeaderBack(reassembly);
        int headerLength = packet.InternetHeaderLength;
        if (isIPv4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet.Data[2..], (ushort)(headerLength + length));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet.Data[4..], (ushort)(headerLength + length - IPv6Header.Size));
            protocol = ProtocolNumber.NoNextHeader;
        }

        packet.Truncate(headerLength + length);
        packet.RemoveFront(headerLength);
        _layer.Errors.Send(
            packet,
            new InternetHeader(key.Source, key.Destination, protocol, 0, 0, CanFragment: true),
            isIPv4
                ? new(IcmpType.TimeExceeded, IcmpType.ReassemblyTimeExceeded, 0)
                : new(IcmpV6Type.TimeExceeded, IcmpV6Type.ReassemblyTimeExceeded, 0));
        _layer.Pool.Return(packet);
        reassembly.End();
    }
}
