using System.Globalization;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>Ports of TCP or UDP, both ends included.</summary>
internal readonly record struct PortRange(ushort First, ushort Last)
{
    public bool Contains(ushort port) => port >= First && port <= Last;

    public override string ToString() => First == Last
        ? First.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{First}-{Last}");
}
