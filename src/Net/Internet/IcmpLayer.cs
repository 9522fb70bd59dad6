using System.Buffers.Binary;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>ICMP (RFC 792; RFC 1122, section 3.2.2): errors and echo.</summary>
internal sealed class IcmpLayer(InternetLayer layer)
{
    private IcmpStatistics Statistics => layer.IcmpStatistics;

    /// <summary>A message has arrived. Takes the buffer over.</summary>
    public void Receive(PacketBuffer packet, in InternetHeader header)
    {
        Statistics.InMsgs++;
        ReadOnlySpan<byte> message = packet.Data;
        if (InternetChecksum.Of(InternetChecksum.Add(message)) != 0)
        {
            Statistics.InCsumErrors++;
        }
        else if (!IcmpHeader.TryRead(message, out IcmpHeader icmp))
        {
            Statistics.InErrors++;
        }
        else if (icmp.Type == IcmpType.EchoRequest)
        {
            Statistics.InEchos++;
            Answer(packet, header);
            return;
        }
        else
        {
            Handle(message, icmp, header);
        }

        layer.Pool.Return(packet);
    }

    private void Handle(ReadOnlySpan<byte> message, in IcmpHeader icmp, in InternetHeader header)
    {
        ReadOnlySpan<byte> quoted = message[IcmpHeader.Size..];
        IcmpOrigin origin = new(header.Source, icmp.Type, icmp.Code);
        switch (icmp.Type)
        {
            case IcmpType.DestinationUnreachable:
                Statistics.InDestUnreachs++;
                IcmpErrorKind kind = icmp.Code switch
                {
                    IcmpType.HostUnreachable or 7 or 8 or 10 or 12 or 13 => IcmpErrorKind.HostUnreachable,
                    IcmpType.ProtocolUnreachable => IcmpErrorKind.ProtocolUnreachable,
                    IcmpType.PortUnreachable => IcmpErrorKind.PortUnreachable,
                    IcmpType.FragmentationNeeded => IcmpErrorKind.PacketTooBig,
                    IcmpType.SourceRouteFailed => IcmpErrorKind.HostUnreachable,
                    _ => IcmpErrorKind.NetworkUnreachable,
                };
                layer.Errors.OnQuoted(quoted, kind, origin, (int)(icmp.Rest & 0xFFFF));
                break;
            case IcmpType.TimeExceeded:
                Statistics.InTimeExcds++;
                layer.Errors.OnQuoted(quoted, IcmpErrorKind.TimeExceeded, origin, 0);
                break;
            case IcmpType.ParameterProblem:
                Statistics.InParmProbs++;
                layer.Errors.OnQuoted(quoted, IcmpErrorKind.ParameterProblem, origin, 0);
                break;
            case IcmpType.EchoReply:
                Statistics.InEchoReps++;
                break;

            // Of the codes, that of a network means its host alone (RFC 1122, section 3.2.2.2).
            case IcmpType.Redirect when icmp.Code <= 3:
                Statistics.InRedirects++;
                layer.Redirects.OnIPv4(quoted, InternetAddress.FromIPv4(icmp.Rest), header);
                break;
        }
    }

    private void Answer(PacketBuffer packet, in InternetHeader header)
    {
        // What was sent to everybody is not answered: many answers to a forged address would be a weapon (RFC 1122, section 3.2.2.6).
        if (!layer.Addresses.IsOurs(header.Destination) || header.Source.IsAny)
        {
            layer.Pool.Return(packet);
            return;
        }

        Statistics.OutEchoReps++;
        Statistics.CountSent(IcmpType.EchoReply);
        Span<byte> message = packet.Data;
        message[0] = IcmpType.EchoReply;
        message[1] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(message[IcmpHeader.ChecksumOffset..], 0);
        IcmpHeader.WriteChecksum(message, 0);
        packet.Offload = default;
        layer.Output.Send(packet, new InternetHeader(
            header.Destination, header.Source, ProtocolNumber.Icmp, HopLimit: 0, header.TrafficClass, CanFragment: true)
        {
            Route = header.Route,
        });
    }
}
