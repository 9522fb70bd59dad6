using System.Globalization;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>A rule: what it asks of a packet, and what becomes of one that has all of it.</summary>
internal sealed record FilterRule(FilterVerdict Verdict, bool? IsIPv4, byte? Protocol, byte? IcmpType, RuleEnd From, RuleEnd To)
{
    public bool Matches(FilterPort from, FilterPort to, in RuleSubject packet) =>
        (Protocol is not { } protocol || protocol == packet.Protocol)
        && (IcmpType is not { } type || type == packet.IcmpType)
        && (IsIPv4 is not { } family || family == packet.Flow.Local.Address.IsIPv4)
        && From.Matches(from, packet.Flow.Local)
        && To.Matches(to, packet.Flow.Remote);

    public override string ToString() => string.Join(
        ' ',
        ((string[])[
            RuleWords.Of(Verdict),
            IsIPv4 switch { null => "", true => "ipv4", false => "ipv6" },
            Protocol is { } protocol ? RuleWords.Of(protocol) : "",
            IcmpType is { } type ? string.Create(CultureInfo.InvariantCulture, $"type {type}") : "",
            From == RuleEnd.Any ? "" : $"from {From}",
            To == RuleEnd.Any ? "" : $"to {To}",
        ]).Where(word => word.Length > 0));
}
