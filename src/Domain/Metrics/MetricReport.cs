using System.Diagnostics.Metrics;
using Xenlet.Drivers;
using Xenlet.Kernel;

namespace Xenlet.Domain;

/// <summary>
/// Listens to all meters of the program (<see cref="Meter"/>), and says in the report of <c>xl sysrq GUEST i</c> what they have measured:
/// a line for each instrument and each set of its tags.
/// </summary>
/// <remarks>
/// It keeps sums, last values and extremes, and no distribution. Memory and report are bounded: so many instruments, so many sets of tags
/// for each; what comes beyond is counted as one.
/// </remarks>
public sealed class MetricReport : IReportSource, IDisposable
{
    /// <summary>The most instruments.</summary>
    public const int MaximumInstruments = 256;

    /// <summary>The most sets of tags of an instrument; further ones are measured together, as <c>{others}</c>.</summary>
    public const int MaximumTagSets = 64;

    /// <summary>The most lines of a report.</summary>
    public const int MaximumLines = 512;

    private readonly MeterListener _listener = new();
    private readonly Lock _lock = new();
    private readonly List<InstrumentRecord> _records = [];
    private int _refused;

    /// <summary>Begins to listen.</summary>
    public MetricReport()
    {
        _listener.InstrumentPublished = Publish;
        _listener.SetMeasurementEventCallback<byte>((_, value, tags, record) => Record(value, tags, record));
        _listener.SetMeasurementEventCallback<short>((_, value, tags, record) => Record(value, tags, record));
        _listener.SetMeasurementEventCallback<int>((_, value, tags, record) => Record(value, tags, record));
        _listener.SetMeasurementEventCallback<long>((_, value, tags, record) => Record(value, tags, record));
        _listener.SetMeasurementEventCallback<float>((_, value, tags, record) => Record(value, tags, record));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, record) => Record(value, tags, record));
        _listener.SetMeasurementEventCallback<decimal>((_, value, tags, record) => Record((double)value, tags, record));
        _listener.Start();
    }

    /// <inheritdoc/>
    public string ReportName => "instruments";

    /// <inheritdoc/>
    public char ReportLetter => 'i';

    /// <summary>Asks the observable instruments, which calls the program's code, and writes what all have measured.</summary>
    /// <param name="writer">Receives the lines.</param>
    public void WriteReport(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        try
        {
            _listener.RecordObservableInstruments();
        }
        catch (AggregateException error)
        {
            // The others have answered.
            writer.WriteLine($"(an observable instrument failed: {ForeignText.Escape(error.InnerExceptions[0].Message)})");
        }

        InstrumentRecord[] records;
        lock (_lock)
        {
            records = [.. _records.OrderBy(record => record.Name, StringComparer.Ordinal)];
        }

        string[] lines = [.. records.SelectMany(record => record.Lines())];
        foreach (string line in lines.Take(MaximumLines))
        {
            writer.WriteLine(line);
        }

        if (lines.Length > MaximumLines)
        {
            writer.WriteLine($"(and {lines.Length - MaximumLines} lines more)");
        }

        if (_refused > 0)
        {
            writer.WriteLine($"({_refused} instruments beyond {MaximumInstruments} are not listened to)");
        }
    }

    /// <summary>Ends listening.</summary>
    public void Dispose() => _listener.Dispose();

    private static void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? record) =>
        ((InstrumentRecord)record!).Record(value, tags);

    private void Publish(Instrument instrument, MeterListener listener)
    {
        InstrumentRecord record = new(instrument);
        lock (_lock)
        {
            if (_records.Count == MaximumInstruments)
            {
                _refused++;
                return;
            }

            _records.Add(record);
        }

        listener.EnableMeasurementEvents(instrument, record);
    }
}
