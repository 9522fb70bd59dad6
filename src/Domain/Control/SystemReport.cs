using System.Globalization;
using System.Text;
using Xenlet.Drivers;
using Xenlet.Kernel;

namespace Xenlet.Domain;

/// <summary>A report on the guest's state, as text.</summary>
/// <param name="machine">The guest.</param>
/// <param name="describeDevices">Returns the section on devices; <see langword="null"/> where there is no bus.</param>
/// <param name="options">The time limit of a section that calls other code.</param>
internal sealed class SystemReport(IMachine machine, Func<Task<string>>? describeDevices, DomainControlOptions options)
{
    private const int KibibytesPerPage = 4;

    private readonly Lock _lock = new();
    private IReportSource[] _sources = [];

    /// <summary>Adds a section. Disposing of the result removes it.</summary>
    public IDisposable Add(IReportSource source)
    {
        lock (_lock)
        {
            _sources = [.. _sources, source];
        }

        return new Removal(this, source);
    }

    /// <summary>Returns the sections for a letter; each ends with a line feed.</summary>
    public async IAsyncEnumerable<string> WriteAsync(char letter)
    {
        IReportSource[] sources = _sources;
        bool all = letter is not ('t' or 'm' or 'g' or 'd' or 'e' or 'n' or 'r')
            && !Array.Exists(sources, source => source.ReportLetter == letter);
        if (all || letter == 't')
        {
            yield return Section("threads", Threads);
        }

        if (all || letter == 'm')
        {
            yield return Section("memory", Memory);
        }

        if (letter == 'g')
        {
            yield return await LimitedAsync("memory without garbage", () => OwnThread.RunAsync(MemoryWithoutGarbage))
                .ConfigureAwait(EventLoop.IsCurrent);
        }

        if ((all || letter == 'd') && describeDevices is not null)
        {
            yield return await LimitedAsync("devices", describeDevices).ConfigureAwait(EventLoop.IsCurrent);
        }

        if (all || letter == 'e')
        {
            yield return Section("event channels and grants", Connections);
        }

        foreach (IReportSource source in sources)
        {
            if (all || letter == 'r' || letter == source.ReportLetter)
            {
                yield return await LimitedAsync(source.ReportName, () => OwnThread.RunAsync(() => Describe(source)))
                    .ConfigureAwait(EventLoop.IsCurrent);
            }
        }

        yield return "xenlet: end of the report\n";
    }

    private static string Describe(IReportSource source)
    {
        using StringWriter writer = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
        source.WriteReport(writer);
        return writer.ToString();
    }

    private static string Section(string name, Action<StringBuilder> write)
    {
        StringBuilder text = Heading(name);
        try
        {
            write(text);
        }
        catch (Exception error)
        {
            text.Append("(failed: ").Append(ForeignText.Escape(error.Message)).Append(")\n");
        }

        return text.ToString();
    }

    /// <summary>A section that calls other code, with a time limit.</summary>
    private async Task<string> LimitedAsync(string name, Func<Task<string>> describe)
    {
        StringBuilder text = Heading(name);
        try
        {
            text.Append(await describe().WaitAsync(options.ReportTimeLimit, options.TimeProvider).ConfigureAwait(EventLoop.IsCurrent));
        }
        catch (TimeoutException)
        {
            text.Append(CultureInfo.InvariantCulture, $"(no answer for {options.ReportTimeLimit.TotalSeconds:0.###} s)");
        }
        catch (Exception error)
        {
            text.Append("(failed: ").Append(ForeignText.Escape(error.Message)).Append(')');
        }

        return text[^1] == '\n' ? text.ToString() : text.Append('\n').ToString();
    }

    private static StringBuilder Heading(string name) => new StringBuilder("xenlet: report: ").Append(name).Append('\n');

    private void Threads(StringBuilder text)
    {
        foreach (ThreadReport thread in machine.Diagnostics.ReadThreads())
        {
            string name = thread.Name.Length == 0 ? "" : $" ({ForeignText.Escape(thread.Name)})";
            text.Append(
                CultureInfo.InvariantCulture,
                $"thread {thread.Id}{name}: {thread.State}, {thread.ProcessorTime.TotalMilliseconds:0.0} ms of processor time\n");
            foreach (ulong address in thread.Stack)
            {
                // The format of the nucleus's own backtraces, so that the same tools add names.
                text.Append(CultureInfo.InvariantCulture, $"  at 0x{address:x16}\n");
            }
        }
    }

    /// <summary>What the program still refers to is what two collections leave, with the finalizers of the first between them.</summary>
    private string MemoryWithoutGarbage()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        StringBuilder text = new();
        Memory(text);
        return text.ToString();
    }

    private void Memory(StringBuilder text)
    {
        MemoryReport memory = machine.Diagnostics.ReadMemory();
        ulong all = memory.FreePages;
        foreach (MemoryOwner owner in memory.Owners)
        {
            all += owner.Pages;
            Line(owner.Name, owner.Pages * KibibytesPerPage);
        }

        Line("free", memory.FreePages * KibibytesPerPage);
        Line("  of it promised", memory.PromisedPages * KibibytesPerPage);
        Line("all", all * KibibytesPerPage);
        GCMemoryInfo collector = GC.GetGCMemoryInfo();
        Line("collector: in use", (ulong)GC.GetTotalMemory(forceFullCollection: false) / 1024);
        Line("collector: committed", (ulong)collector.TotalCommittedBytes / 1024);
        Line("collector: limit", (ulong)collector.TotalAvailableMemoryBytes / 1024);
        text.Append(
            CultureInfo.InvariantCulture,
            $"collections: {GC.CollectionCount(0)}, {GC.CollectionCount(1)}, {GC.CollectionCount(2)} of generations 0, 1, 2\n");

        void Line(string name, ulong kibibytes) => text.Append(CultureInfo.InvariantCulture, $"{kibibytes,10} KiB  {name}\n");
    }

    private void Connections(StringBuilder text)
    {
        ConnectionReport connections = machine.Diagnostics.ReadConnections();
        text.Append("event channel ports: ").AppendJoin(", ", connections.EventChannels).Append('\n');
        text.Append(
            CultureInfo.InvariantCulture,
            $"grants: {connections.Grants}; shared pages: {connections.SharedPages}, and {connections.HeldPages} that others have not "
            + $"let go\n");
    }

    private sealed class Removal(SystemReport report, IReportSource source) : IDisposable
    {
        public void Dispose()
        {
            lock (report._lock)
            {
                report._sources = Array.FindAll(report._sources, other => other != source);
            }
        }
    }
}
