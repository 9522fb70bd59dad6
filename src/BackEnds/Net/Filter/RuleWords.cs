using System.Globalization;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>The words of rules that stand for numbers.</summary>
internal static class RuleWords
{
    /// <summary>Verdicts.</summary>
    public static readonly IReadOnlyList<(string Word, FilterVerdict Verdict)> Verdicts =
    [
        ("accept", FilterVerdict.Accept), ("drop", FilterVerdict.Drop), ("reject", FilterVerdict.Reject),
    ];

    /// <summary>Protocols that have names; others have <c>protocol</c> and a number.</summary>
    public static readonly IReadOnlyList<(string Word, byte Number)> Protocols =
    [
        ("tcp", ProtocolNumber.Tcp), ("udp", ProtocolNumber.Udp), ("icmp", ProtocolNumber.Icmp), ("icmpv6", ProtocolNumber.IcmpV6),
    ];

    /// <summary>The word of a verdict.</summary>
    public static string Of(FilterVerdict verdict) => Verdicts.First(one => one.Verdict == verdict).Word;

    /// <summary>The words of a protocol.</summary>
    public static string Of(byte protocol) => Protocols.FirstOrDefault(one => one.Number == protocol).Word
        ?? string.Create(CultureInfo.InvariantCulture, $"protocol {protocol}");
}
