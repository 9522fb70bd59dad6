using System.Diagnostics.Metrics;
using System.Globalization;
using Xenlet.Domain;

namespace Xenlet.Drivers.Tests;

/// <summary>What the report says of a program's meters.</summary>
public sealed class MetricReportTests : IDisposable
{
    private readonly MetricReport _report = new();
    private readonly Meter _meter = new($"of the test {Guid.NewGuid()}");

    public void Dispose()
    {
        _meter.Dispose();
        _report.Dispose();
    }

    [Fact]
    public void A_counter_is_a_sum_a_gauge_its_last_value_and_a_histogram_count_sum_and_extremes()
    {
        Counter<int> counter = _meter.CreateCounter<int>("served");
        UpDownCounter<long> open = _meter.CreateUpDownCounter<long>("open");
        Gauge<double> gauge = _meter.CreateGauge<double>("level");
        Histogram<double> histogram = _meter.CreateHistogram<double>("time", "s");
        _meter.CreateObservableGauge("asked", () => 7.5f);
        foreach (int value in (int[])[2, 3])
        {
            counter.Add(value);
            open.Add(-value);
            gauge.Record(value);
            histogram.Record(value / 2.0);
        }

        Assert.Equal(
            ["asked: 7.5", "level: 3", "open: -5", "served: 5", "time: count 2, sum 2.5, least 1, most 1.5 s"], Lines());
    }

    [Fact]
    public void Each_set_of_tags_has_a_line_and_what_is_in_them_cannot_control_a_terminal()
    {
        Counter<int> counter = _meter.CreateCounter<int>("served", "{request}");
        counter.Add(1, new KeyValuePair<string, object?>("route", "/"), new KeyValuePair<string, object?>("status", 200));
        counter.Add(2, new KeyValuePair<string, object?>("route", "/"), new KeyValuePair<string, object?>("status", 200));
        counter.Add(4, new KeyValuePair<string, object?>("route", "/\x1b[2J\n"));
        counter.Add(8);
        Assert.Equal(
            ["served: 8 {request}", "served{route=/\\x1b[2J\\x0a}: 4 {request}", "served{route=/, status=200}: 3 {request}"], Lines());
    }

    [Fact]
    public void Sets_of_tags_instruments_and_the_length_of_tags_are_bounded()
    {
        Counter<int> counter = _meter.CreateCounter<int>("many");
        for (int i = 0; i < 1000; i++)
        {
            counter.Add(1, new KeyValuePair<string, object?>("n", i));
        }

        string[] lines = Lines();
        Assert.Equal(MetricReport.MaximumTagSets + 1, lines.Length);
        Assert.Contains(
            string.Create(CultureInfo.InvariantCulture, $"many{{others}}: {1000 - MetricReport.MaximumTagSets}"), lines);

        counter.Add(1, new KeyValuePair<string, object?>("long", new string('a', 10_000)));
        Assert.All(Lines(), line => Assert.InRange(line.Length, 1, 400));

        for (int i = 0; i < 2 * MetricReport.MaximumInstruments; i++)
        {
            _meter.CreateCounter<int>($"instrument {i}").Add(1);
        }

        string report = Report();
        Assert.InRange(report.Split('\n').Length, 1, MetricReport.MaximumLines + 3);
        Assert.Contains($"instruments beyond {MetricReport.MaximumInstruments} are not listened to)", report, StringComparison.Ordinal);
    }

    [Fact]
    public void An_observable_instrument_that_fails_is_named_and_the_others_are_read()
    {
        Func<int> fails = () => throw new InvalidOperationException("its own fault");
        _meter.CreateObservableGauge("bad", fails);
        _meter.CreateObservableGauge("good", () => 3);
        Assert.Equal(["good: 3"], Lines());
        Assert.Contains("(an observable instrument failed: its own fault)", Report(), StringComparison.Ordinal);
    }

    /// <summary>The lines on the test's meter, without its name.</summary>
    private string[] Lines() => [.. Report().Split('\n').Where(line => line.StartsWith(_meter.Name, StringComparison.Ordinal))
        .Select(line => line[(_meter.Name.Length + 1)..])];

    private string Report()
    {
        using StringWriter writer = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
        _report.WriteReport(writer);
        return writer.ToString();
    }
}
