using System.Globalization;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>What became of packets. The filter's lock guards it.</summary>
internal sealed class FilterCounters
{
    /// <summary>Packets that passed.</summary>
    public long Passed;

    /// <summary>Packets that were dropped, those included that make no sense or find no room.</summary>
    public long Dropped;

    /// <summary>Packets that were rejected, whether or not their senders were told.</summary>
    public long Rejected;

    /// <summary>Packets that make no sense, or into which the filter cannot look.</summary>
    public long Malformed;

    /// <summary>Connections for which there was no room.</summary>
    public long Full;

    /// <summary>Counts a verdict.</summary>
    public void Count(FilterVerdict verdict)
    {
        _ = verdict switch
        {
            FilterVerdict.Accept => Passed++,
            FilterVerdict.Reject => Rejected++,
            _ => Dropped++,
        };
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Passed} packets passed, {Dropped} dropped ({Malformed} malformed, {Full} without room), {Rejected} rejected");
}
