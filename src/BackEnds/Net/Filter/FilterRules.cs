using System.Globalization;
using Xenlet.BackEnds.Net.Filter;

namespace Xenlet.BackEnds;

/// <summary>
/// The rules of a <see cref="PacketFilter"/>. The first one that matches a packet says what becomes of it; without one,
/// <see cref="Default"/> does. docs/backends.md has the grammar.
/// </summary>
public sealed class FilterRules
{
    /// <summary>The most rules.</summary>
    public const int MaximumRules = 1024;

    private readonly FilterRule[] _rules;

    internal FilterRules(FilterVerdict otherwise, FilterRule[] rules)
    {
        Default = otherwise;
        _rules = rules;
    }

    /// <summary>No rules: everything is dropped.</summary>
    public static FilterRules None { get; } = new(FilterVerdict.Drop, []);

    /// <summary>What becomes of a packet that no rule matches.</summary>
    public FilterVerdict Default { get; }

    /// <summary>The number of rules.</summary>
    public int Count => _rules.Length;

    /// <summary>Reads rules.</summary>
    /// <exception cref="FilterSyntaxException">The text is wrong somewhere.</exception>
    public static FilterRules Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new RuleReader(text).ReadAll();
    }

    /// <summary>The rules as a text that <see cref="Parse"/> reads, one a line.</summary>
    public override string ToString() =>
        string.Join('\n', [.. _rules.Select(rule => rule.ToString()), "default " + RuleWords.Of(Default)]);

    /// <summary>How many there are, in words.</summary>
    internal string Describe() => string.Create(
        CultureInfo.InvariantCulture, $"{Count} {(Count == 1 ? "rule" : "rules")}, default {RuleWords.Of(Default)}");

    /// <summary>What becomes of a packet.</summary>
    /// <param name="from">The port from which it comes.</param>
    /// <param name="to">The port to which it goes.</param>
    /// <param name="packet">What rules see of it.</param>
    internal FilterVerdict Judge(FilterPort from, FilterPort to, in RuleSubject packet)
    {
        foreach (FilterRule rule in _rules)
        {
            if (rule.Matches(from, to, in packet))
            {
                return rule.Verdict;
            }
        }

        return Default;
    }
}
