using Xenlet.Net;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>What a rule asks of a packet's sender or receiver. An empty list asks for nothing.</summary>
internal sealed record RuleEnd(RulePlace Place, IReadOnlyList<NetworkPrefix> Addresses, IReadOnlyList<PortRange> Ports)
{
    /// <summary>Asks for nothing.</summary>
    public static RuleEnd Any { get; } = new(default, [], []);

    public bool Matches(FilterPort port, in Endpoint end) => Place.Contains(port) && HasAddress(end.Address) && HasPort(end.Port);

    public override string ToString() => string.Join(
        ' ',
        ((string[])[
            Place.ToString(), string.Join(',', Addresses), Ports.Count == 0 ? "" : "port " + string.Join(',', Ports),
        ]).Where(word => word.Length > 0));

    private bool HasAddress(InternetAddress address)
    {
        // By index: an enumerator of the interface would be an object for each packet.
        for (int i = 0; i < Addresses.Count; i++)
        {
            if (Addresses[i].Contains(address))
            {
                return true;
            }
        }

        return Addresses.Count == 0;
    }

    private bool HasPort(ushort port)
    {
        for (int i = 0; i < Ports.Count; i++)
        {
            if (Ports[i].Contains(port))
            {
                return true;
            }
        }

        return Ports.Count == 0;
    }
}
